#pragma once

#include <string_view>
#include <utility>

namespace fanfold::support {

/// Whether a queue, by its name or URL, is a FIFO queue: on every backend its name ends with ".fifo", as on SQS
/// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fifo-queues.html).
[[nodiscard]] constexpr bool is_fifo(std::string_view queue) { return queue.ends_with(".fifo"); }

/// What a queue is called wherever it is asked for: "123456789012/mail" of a URL, the name itself of a name. The host
/// of a URL tells only by which endpoint somebody asked: one queue has several, by VPC endpoints, dual stack, or the
/// address that a local server was reached by.
[[nodiscard]] constexpr std::string_view queue_identity(std::string_view queue) {
  const std::size_t scheme_end = queue.find("://");
  if (scheme_end == std::string_view::npos) return queue;
  std::string_view path = queue.substr(scheme_end + 3);
  const std::size_t path_begin = path.find('/');
  if (path_begin == std::string_view::npos) return queue;
  path.remove_prefix(path_begin + 1);
  const std::size_t name_begin = path.rfind('/');
  if (name_begin == std::string_view::npos || name_begin == 0) return path;
  const std::size_t account_begin = path.rfind('/', name_begin - 1);
  return account_begin == std::string_view::npos ? path : path.substr(account_begin + 1);
}

/// Whether two names or URLs mean the same queue. Some servers write no account into a URL, but "queue".
[[nodiscard]] constexpr bool is_same_queue(std::string_view one, std::string_view other) {
  const auto split = [](std::string_view queue) {
    const std::string_view identity = queue_identity(queue);
    const std::size_t slash = identity.rfind('/');
    return slash == std::string_view::npos ? std::pair(std::string_view(), identity)
                                           : std::pair(identity.substr(0, slash), identity.substr(slash + 1));
  };
  const auto is_account = [](std::string_view text) {
    constexpr std::size_t digit_count = 12;
    return text.size() == digit_count && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const auto [one_account, one_name] = split(one);
  const auto [other_account, other_name] = split(other);
  return one_name == other_name &&
         (one_account == other_account || !is_account(one_account) || !is_account(other_account));
}

}  // namespace fanfold::support
