#pragma once

#include <fanfold/types.hpp>

namespace fanfold {

/// What became of one attempt; returned by handlers. Made by `done`, `retry`, `fail` and
/// `Context::create_child_cluster`.
class [[nodiscard]] Outcome {
 public:
  enum class Kind : std::uint8_t { done, retry, fail, child };

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::optional<Json>& result() const& noexcept { return result_; }
  [[nodiscard]] std::optional<Json> result() && noexcept { return std::move(result_); }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// A name for the kind of failure, e.g. "exit 65"; shown by `fanfold errors`.
  [[nodiscard]] const std::string& code() const noexcept { return code_; }
  [[nodiscard]] const std::optional<std::chrono::milliseconds>& delay() const noexcept { return delay_; }
  [[nodiscard]] const std::string& child_id() const noexcept { return child_id_; }
  [[nodiscard]] const std::string& output() const& noexcept { return output_; }
  [[nodiscard]] std::string output() && noexcept { return std::move(output_); }

  /// Keeps what the attempt printed, for `fanfold logs`; cut at 256 KiB.
  Outcome with_output(std::string bytes) && {
    output_ = std::move(bytes);
    return std::move(*this);
  }
  Outcome with_code(std::string code) && {
    code_ = std::move(code);
    return std::move(*this);
  }

  static Outcome make_done(std::optional<Json> result) {
    Outcome outcome(Kind::done);
    outcome.result_ = std::move(result);
    return outcome;
  }
  static Outcome make_failure(Kind kind, std::string reason, std::optional<std::chrono::milliseconds> delay) {
    Outcome outcome(kind);
    outcome.reason_ = std::move(reason);
    outcome.delay_ = delay;
    return outcome;
  }
  static Outcome make_child(std::string child_id) {
    Outcome outcome(Kind::child);
    outcome.child_id_ = std::move(child_id);
    return outcome;
  }

 private:
  explicit Outcome(Kind kind) : kind_(kind) {}

  Kind kind_;
  std::optional<Json> result_;
  std::string reason_;
  std::string code_;
  std::optional<std::chrono::milliseconds> delay_;
  std::string child_id_;
  std::string output_;
};

/// The task is done.
inline Outcome done() { return Outcome::make_done(std::nullopt); }

/// The task is done and returned this: at most 64 KiB of JSON, else the task fails with too_large.
template <class T>
Outcome done(const T& result) {
  static_assert(Encodable<T>,
                "no Codec for this result type: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
  return Outcome::make_done(Codec<T>::encode(result));
}

/// The attempt failed; another follows after `delay` (default: exponential backoff with full jitter) while attempts are
/// left.
inline Outcome retry(std::string reason, std::optional<std::chrono::milliseconds> delay = std::nullopt) {
  return Outcome::make_failure(Outcome::Kind::retry, std::move(reason), delay);
}

/// The task failed for good.
inline Outcome fail(std::string reason) {
  return Outcome::make_failure(Outcome::Kind::fail, std::move(reason), std::nullopt);
}

}  // namespace fanfold
