#pragma once

#include <string_view>

namespace fanfold::support {

/// Whether a queue, by its name or URL, is a FIFO queue: on every backend its name ends with ".fifo", as on SQS
/// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fifo-queues.html).
[[nodiscard]] constexpr bool is_fifo(std::string_view queue) { return queue.ends_with(".fifo"); }

}  // namespace fanfold::support
