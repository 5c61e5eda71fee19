#pragma once

#include <fanfold/detail/callable.hpp>
#include <fanfold/detail/task_source.hpp>
#include <fanfold/message.hpp>
#include <fanfold/outcome.hpp>

#include <map>
#include <stop_token>

namespace fanfold {

/// What a handler may know of its attempt. Lives as long as the call; do not keep it.
class Context {
 public:
  std::uint32_t attempt = 1;  ///< From 1 in each round; counts up with every attempt of this task.
  std::uint32_t round = 0;    ///< Counts up with every retry_failed and retry_finish of the cluster.
  Time deadline{};       ///< When the lease ends unless it is extended again, or when the Lambda must have answered.
  std::stop_token stop;  ///< Set when the lease is lost, or when the worker must stop at once.

  /// Grows from each attempt of a task to the next, over rounds too: a fencing number for writes elsewhere, which
  /// refuse what comes with a lower one than they have seen.
  [[nodiscard]] std::uint64_t fencing_number() const noexcept { return std::uint64_t{round} << 32U | attempt; }

  /// Where the message belongs in its distributed trace, as whoever sent it said: that of its cluster, or of the send;
  /// empty where there was none. The parent of spans that the handler makes. Child clusters have it too, unless their
  /// options have another.
  [[nodiscard]] const TraceContext& trace() const noexcept { return *delivery_->content->trace; }

  /// A task that found more work: the task ends when the child cluster does, failed where that failed
  /// (`parent_fails_with_child`). Keyed by this task, so that running it again creates nothing twice.
  /// The task has no result of its own then, and may end before the child's finish handler has run. To fold what the
  /// children of a cluster returned, name them after it (`.name` with its key in it): its finish handler finds them
  /// with `list_clusters`, and reads the `results` of each.
  template <class Tasks>
  [[nodiscard]] Outcome create_child_cluster(const std::string& queue, Tasks&& tasks,
                                             ClusterOptions options = {}) const {
    auto child = create_child(queue, detail::task_source(std::forward<Tasks>(tasks)), std::move(options));
    if (child) return Outcome::make_child(std::move(*child));
    return is_retryable(child.error().code) ? retry(to_string(child.error())) : fail(to_string(child.error()));
  }

  Context(std::shared_ptr<detail::ClientCore> core, const Delivery& delivery, std::string queue_url)
      : core_(std::move(core)), delivery_(&delivery), queue_url_(std::move(queue_url)) {}

 private:
  [[nodiscard]] Result<std::string> create_child(const std::string& queue, const detail::TaskSource& source,
                                                 ClusterOptions options) const;

  std::shared_ptr<detail::ClientCore> core_;
  const Delivery* delivery_;
  std::string queue_url_;
};

namespace detail {

/// One delivery whose content is decoded, on its way to a handler.
struct RawMessage {
  const Delivery& delivery;
  const std::string& url;
  const std::shared_ptr<ClientCore>& core;
};
struct RawCluster {
  MessageClusterRecord<Json, Json> record;
  const std::shared_ptr<ClientCore>& core;
};

template <class T>
inline constexpr bool is_message = false;
template <class B, class M, class G>
inline constexpr bool is_message<Message<B, M, G>> = true;
template <class T>
inline constexpr bool is_cluster = false;
template <class M, class G, class T>
inline constexpr bool is_cluster<MessageCluster<M, G, T>> = true;

template <class F>
consteval void check_handler() {
  static_assert(PlainCallable<F>, "a handler is a function or a lambda with named parameter types");
  if constexpr (PlainCallable<F>) {
    using Traits = CallableTraits<F>;
    static_assert(Traits::is_const, "a handler is shared between threads: a mutable lambda cannot be");
    static_assert(std::is_same_v<typename Traits::result, Outcome>,
                  "a handler returns fanfold::Outcome: done(), retry(...) or fail(...)");
    static_assert(Traits::argument_count == 2,
                  "a handler takes (const Message<Body>&, const Context&), or for clusters (const MessageCluster<>&, "
                  "const Context&)");
  }
}

template <class B, class M, class G>
Result<Message<B, M, G>> typed_message(const RawMessage& raw, std::type_identity<Message<B, M, G>>) {
  static_assert(Decodable<B>,
                "no Codec for the message's Body: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
  auto body = Codec<B>::decode(raw.delivery.content->body);
  if (!body) return std::move(body).error();
  return Message<B, M, G>(raw.delivery, std::move(*body), raw.url, raw.core);
}
template <class M, class G, class T>
Result<MessageCluster<M, G, T>> typed_handler_cluster(RawCluster raw, std::type_identity<MessageCluster<M, G, T>>) {
  auto record = typed_cluster<M, T>(std::move(raw.record));
  if (!record) return std::move(record).error();
  return MessageCluster<M, G, T>(std::move(*record), raw.core);
}

}  // namespace detail

/// `Outcome(const Message<Body, Meta, Globals>&, const Context&)`, called from many threads at once.
/// It may throw: that is a retry, unless it is one of our errors that no retry mends (bad input): then the task fails
/// for good.
class MessageHandler {
 public:
  MessageHandler() = default;
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, MessageHandler>)
      MessageHandler(F function) {  // NOLINT(google-explicit-constructor)
    detail::check_handler<F>();
    using M = typename detail::CallableTraits<F>::template argument<0>;
    static_assert(detail::is_message<M>, "a message handler takes a const fanfold::Message<Body>&");
    call_ = [function = std::move(function)](const detail::RawMessage& raw, const Context& context) -> Outcome {
      auto message = detail::typed_message(raw, std::type_identity<M>{});
      if (!message) throw ErrorException(message.error());
      return function(*message, context);
    };
  }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  [[nodiscard]] Outcome operator()(const detail::RawMessage& raw, const Context& context) const {
    return call_(raw, context);
  }

 private:
  std::function<Outcome(const detail::RawMessage&, const Context&)> call_;
};

/// `Outcome(const MessageCluster<Meta, Globals>&, const Context&)`: handles a cluster's finish or first-failure
/// message.
class ClusterHandler {
 public:
  ClusterHandler() = default;
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, ClusterHandler>)
      ClusterHandler(F function) {  // NOLINT(google-explicit-constructor)
    detail::check_handler<F>();
    using C = typename detail::CallableTraits<F>::template argument<0>;
    static_assert(detail::is_cluster<C>, "a cluster handler takes a const fanfold::MessageCluster<>&");
    call_ = [function = std::move(function)](detail::RawCluster raw, const Context& context) -> Outcome {
      auto cluster = detail::typed_handler_cluster(std::move(raw), std::type_identity<C>{});
      if (!cluster) throw ErrorException(cluster.error());
      return function(*cluster, context);
    };
  }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  [[nodiscard]] Outcome operator()(detail::RawCluster raw, const Context& context) const {
    return call_(std::move(raw), context);
  }

 private:
  std::function<Outcome(detail::RawCluster, const Context&)> call_;
};

/// What to run for which message. Worker, Lambda, process_batch and the test kit all take it. Cheap to copy.
/// Where a cluster's name is in `named`, those handlers that are set there are used in place of the ones here.
struct Handlers {
  MessageHandler on_message{};           ///< Tasks and single messages.
  ClusterHandler on_cluster_complete{};  ///< The finish message, whatever the outcome.
  ClusterHandler
      on_cluster_success{};  ///< The finish message of a cluster that is COMPLETE; used before on_cluster_complete.
  ClusterHandler
      on_cluster_failure{};  ///< The finish message of a cluster that is ERROR; used before on_cluster_complete.
  ClusterHandler on_first_failure{};        ///< The early message, where the cluster asked for it.
  std::map<std::string, Handlers> named{};  ///< By cluster name.
};

}  // namespace fanfold
