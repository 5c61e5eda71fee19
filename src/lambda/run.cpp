#include <fanfold/lambda.hpp>

#include <fanfold/detail/json_writer.hpp>
#include <fanfold/worker.hpp>

#include "engine/dispatch.hpp"
#include "engine/engine.hpp"
#include "lambda/deadline_stop.hpp"
#include "lambda/runtime_api.hpp"
#include "wire/envelope_text.hpp"

#include <nss.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace fanfold::lambda {

namespace {

using std::chrono::milliseconds;

/// One line on the standard error stream, which Lambda keeps as the function's log.
void log(std::string_view what, const Error& error) {
  std::cerr << "fanfold: " << what << ": " << to_string(error) << std::endl;
}

Result<void> check(const Options& options) {
  if (options.reserve < milliseconds::zero() || options.reserve > timeout_max)
    return Error{ErrorCode::invalid_argument, "reserve: expected 0 to 15 min", {}};
  return engine::check_attempts({.attempts_max = options.attempts_max,
                                 .backoff_initial = options.backoff_initial,
                                 .backoff_max = options.backoff_max});
}

std::string sweep_json(const SweepReport& report) {
  std::string text;
  detail::JsonWriter writer(text);
  const auto count = [&](std::string_view name, std::uint64_t value) {
    writer.plain_key(name);
    writer.unsigned_integer(value);
  };
  writer.begin_object();
  count("clusters", report.cluster_count);
  count("resent", report.resent_count);
  count("deadLetters", report.dead_letter_count);
  count("failed", report.failed_count);
  count("finishMessages", report.finish_message_count);
  count("stopped", report.stopped_count);
  writer.plain_key("reports");
  writer.begin_array();
  for (const std::string& line : report.reports) writer.string(line);
  writer.end_array();
  writer.end_object();
  return text;
}

/// A static program has glibc's own look-ups of host names, by files and by DNS. Where /etc/nsswitch.conf asks for
/// others it would load this machine's, which belong to another glibc: it may not.
void keep_to_own_name_services() {
  const bool is_static = ::getauxval(AT_BASE) == 0;  // No loader brought it in.
  if (is_static) ::__nss_configure_lookup("hosts", "files dns");
}

/// What two clocks of this machine say at one moment.
struct Clocks {
  std::chrono::system_clock::time_point wall = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
};

class Runtime {
 public:
  Runtime(RuntimeApi& api, const Client& client, const Handlers& handlers, const Options& options,
          const std::stop_token& stop)
      : api_(api),
        client_(client),
        engine_(engine::Engine::of(client)),
        handlers_(handlers),
        options_(options),
        stop_(stop) {}

  Result<void> loop() {
    while (!stop_.stop_requested()) {
      const Clocks before;
      auto invocation = api_.next(stop_);
      if (!invocation && invocation.error().code == ErrorCode::cancelled) return {};
      if (!invocation) return std::move(invocation).error();
      const Clocks now;
      clock_stood_still_ = clock_stood_still(std::chrono::floor<milliseconds>(now.wall - before.wall),
                                             std::chrono::floor<milliseconds>(now.steady - before.steady));
      if (auto handled = handle(*invocation, now); !handled) return handled;
    }
    return {};
  }

 private:
  Result<void> handle(const Invocation& invocation, const Clocks& now) {
    if (invocation.trace_id.empty())
      ::unsetenv("_X_AMZN_TRACE_ID");
    else
      ::setenv("_X_AMZN_TRACE_ID", invocation.trace_id.c_str(), 1);

    auto answer = invocation.damage ? Result<std::string>(*invocation.damage) : guarded_answer(invocation, now);
    // Frozen right after the answer: what was printed would show up with the next event.
    std::cout.flush();
    std::fflush(nullptr);
    if (answer && answer->size() > answer_bytes_max) answer = too_large(answer->size());
    if (!answer) return report(invocation, answer.error());
    auto reception = api_.respond(invocation.request_id, *answer);
    if (!reception) return std::move(reception).error();
    if (*reception == RuntimeApi::Reception::too_large) return report(invocation, too_large(answer->size()).error());
    note_stale(invocation, *reception);
    return {};
  }

  Result<void> report(const Invocation& invocation, const Error& error) {
    log("request " + invocation.request_id + " failed", error);
    auto reception = api_.report_error(invocation.request_id, error);
    if (!reception) return std::move(reception).error();
    note_stale(invocation, *reception);
    return {};
  }

  static Result<std::string> too_large(std::size_t size) {
    return Error{ErrorCode::too_large,
                 "the answer has " + std::to_string(size) + " bytes, Lambda takes at most " +
                     std::to_string(answer_bytes_max) + "; all messages of the event stay in the queue",
                 {}};
  }

  static void note_stale(const Invocation& invocation, RuntimeApi::Reception reception) {
    if (reception == RuntimeApi::Reception::taken) return;
    std::cerr << "fanfold: request " << invocation.request_id
              << ": Lambda did not take the answer; its messages may be delivered again" << std::endl;
  }

  /// Lambda's answer to one event.
  Result<std::string> guarded_answer(const Invocation& invocation, const Clocks& now) {
    try {
      return answer(invocation, now);
    } catch (const ErrorException& thrown) {
      return thrown.error();
    } catch (const std::exception& thrown) {
      return Error{ErrorCode::internal, thrown.what(), {}};
    }
  }

  Result<std::string> answer(const Invocation& invocation, const Clocks& now) {
    auto event = SqsEvent::parse(invocation.event);
    if (!event) {
      if (is_scheduled(invocation.event)) return sweep(invocation, now).transform(sweep_json);
      return std::move(event).error();
    }
    if (event->records.empty()) return BatchResponse{}.to_json();
    if (clock_stood_still_) learn_time(event->records);

    const TimePlan plan = plan_of(invocation, now);
    const DeadlineStop stop(now.steady + plan.start_until, stop_);
    const Time store_now =
        engine_ ? engine_->store().now() : std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    const BatchOptions batch{.deduplicate = options_.deduplicate,
                             .attempts = {.attempts_max = options_.attempts_max,
                                          .lease = plan.lease,
                                          .backoff_initial = options_.backoff_initial,
                                          .backoff_max = options_.backoff_max},
                             .deadline = store_now + plan.start_until,
                             .stop = stop.token()};
    return client_.process_batch(*event, handlers_, batch).transform([](const BatchResponse& response) {
      for (const auto& [message_id, error] : response.unread)
        log("message " + message_id + " stays in the queue", error);
      for (const auto& [what, reason, trace_id] : response.failed) {
        std::cerr << "fanfold: " << what;
        if (!trace_id.empty()) std::cerr << " of trace " << trace_id;
        std::cerr << " failed for good: " << reason << std::endl;
      }
      return response.to_json();
    });
  }

  [[nodiscard]] TimePlan plan_of(const Invocation& invocation, const Clocks& now) const {
    const milliseconds left =
        invocation.deadline ? std::chrono::ceil<milliseconds>(*invocation.deadline - now.wall) : timeout_max;
    return plan_time(left, options_.reserve);
  }

  /// What does not fit into this invocation is gone on with by the next.
  Result<SweepReport> sweep(const Invocation& invocation, const Clocks& now) {
    if (!engine_) return client_.sweep();
    if (!std::exchange(queues_noted_, true)) note_queues();
    return engine_->sweep_until(engine_->store().now() + plan_of(invocation, now).start_until);
  }

  /// Nothing else tells a function that only sweeps of a queue that has no unfinished cluster.
  void note_queues() {
    const char* const named = std::getenv("FANFOLD_QUEUES");  // NOLINT(concurrency-mt-unsafe): nobody changes it.
    for (const std::string& name : names_in(named != nullptr ? named : "")) {
      auto url = engine_->queue().resolve(name);
      if (url)
        engine_->store().queues_known.note(*url);
      else
        log("FANFOLD_QUEUES: " + name, url.error());
    }
  }

  /// The clock of the store goes on with the steady one, which stood still while the process was frozen: leases would
  /// be over before they begin. Any answer of the service tells the time again.
  void learn_time(const std::vector<SqsRecord>& records) {
    const auto record = std::ranges::find_if(records, [](const SqsRecord& each) { return !each.error; });
    if (!engine_ || record == records.end()) return;
    const auto url = wire::queue_url_of(record->event_source_arn);
    if (url) static_cast<void>(engine_->store().queue().attributes(*url));
  }

  RuntimeApi& api_;
  const Client& client_;
  std::shared_ptr<engine::Engine> engine_;  // Shared with the client; null behind one of another make.
  const Handlers& handlers_;
  const Options& options_;
  const std::stop_token& stop_;
  bool clock_stood_still_ = false;
  bool queues_noted_ = false;
};

}  // namespace

Result<void> run(Result<Client> client, const Handlers& handlers, const Options& options) {
  const char* address = std::getenv("AWS_LAMBDA_RUNTIME_API");
  if (address == nullptr || *address == '\0') {
    return Error{
        ErrorCode::invalid_argument, "AWS_LAMBDA_RUNTIME_API is not set: this program runs as a Lambda function", {}};
  }
  keep_to_own_name_services();
  const std::stop_token stop = stop_on_signals();
  RuntimeApi api(address);
  std::optional<Error> cannot_start;
  if (auto checked = check(options); !checked) cannot_start = std::move(checked).error();
  if (!client) cannot_start = client.error();
  if (cannot_start) {
    log("cannot start", *cannot_start);
    if (auto reported = api.report_init_error(*cannot_start); !reported) log("cannot report it", reported.error());
    return *std::move(cannot_start);
  }
  auto ended = Runtime(api, *client, handlers, options, stop).loop();
  if (!ended) log("ends", ended.error());
  return ended;
}

}  // namespace fanfold::lambda
