#pragma once

#include <fanfold/client.hpp>

namespace fanfold::lambda {

struct Options {
  std::uint32_t attempts_max = 3;  ///< 1 to 1,000.
  std::chrono::milliseconds backoff_initial{
      1'000};  ///< Before the second attempt, at most; doubled for each further one, full jitter.
  std::chrono::milliseconds backoff_max{15 * 60'000};
  bool deduplicate = true;  ///< False: the cheap mode of process_batch.
  /// So long before the function's timeout no more is started and the handler's stop token is set, so that what ran can
  /// still be recorded; at most half of the time that is left when the event arrives. 0 to 15 min.
  std::chrono::milliseconds reserve{2'000};
};

/// The whole main of a Lambda function on the runtime `provided.al2023`: takes events from the Runtime API, processes
/// the SQS records in them as `process_batch` does, one after another on this thread, and answers with the ids of those
/// that stay in the queue. Claims last until the function's timeout. All that an answer says is in the store before it
/// is given, since the process is frozen right after it. A scheduled event of EventBridge is answered by `sweep`, which
/// looks at the dead letters of the queues that the environment names (FANFOLD_QUEUES, with commas between) besides
/// those that it knows, and begins nothing more once `reserve` is reached.
/// The event source mapping needs the response type ReportBatchItemFailures, or Lambda deletes the failed messages too.
///
/// Blocks until SIGTERM or SIGINT comes (a handler that runs gets its stop token set), which is success. Failures of
/// one event are reported to Lambda, which returns its messages to the queue; the loop goes on. Where there is no
/// client, its error is reported as that of the function's start, and returned.
///
/// To be called once, before other threads exist: it sets the variable _X_AMZN_TRACE_ID, and handles signals.
/// Errors: invalid_argument (an option; no AWS_LAMBDA_RUNTIME_API in the environment), unavailable (the Runtime API
/// fails, so that Lambda has to start the process anew), those of `client`.
Result<void> run(Result<Client> client, const Handlers& handlers, const Options& options = {});

}  // namespace fanfold::lambda
