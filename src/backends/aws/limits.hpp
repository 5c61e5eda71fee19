#pragma once

#include <fanfold/backends/aws.hpp>
#include <fanfold/ports/queue.hpp>

#include <string_view>

/// What the services take as names and numbers, looked at before they are asked. Errors: invalid_argument.
namespace fanfold::aws {

/// Of a redrive policy.
inline constexpr std::uint32_t receive_count_limit = 1'000;

/// The name of a table, or its ARN.
[[nodiscard]] Result<void> check_table_name(std::string_view name);
/// Of a bucket that may be of before March 2018, when names could be longer and have more characters.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
[[nodiscard]] Result<void> check_bucket_name(std::string_view name);
/// Of a bucket that is to be made.
[[nodiscard]] Result<void> check_new_bucket_name(std::string_view name);
[[nodiscard]] Result<void> check_queue_name(std::string_view name, bool fifo);
[[nodiscard]] Result<void> check_queue_attributes(const QueueAttributes& attributes);

/// "resize-dead" of "resize", "resize-dead.fifo" of "resize.fifo".
[[nodiscard]] std::string dead_letter_queue_name(std::string_view queue);
/// All that a set-up would be refused for in its middle.
[[nodiscard]] Result<void> check_setup(const SetupOptions& options, std::string_view table, std::string_view bucket);

}  // namespace fanfold::aws
