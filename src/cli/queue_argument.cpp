#include "cli/queue_argument.hpp"

#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace fanfold::cli {
namespace {

constexpr std::size_t names_shown_max = 8;

/// "there are mail and resize": what may have been meant.
std::string names_text(const Result<std::vector<std::string>>& urls) {
  if (!urls) return "fanfold queue ls shows all";
  if (urls->empty()) return "there are none yet";
  if (urls->size() > names_shown_max)
    return fmt::format("there are {}; fanfold queue ls shows them", with_thousands(urls->size()));
  std::string names;
  for (std::size_t i = 0; i < urls->size(); ++i) {
    if (i > 0) names += i + 1 == urls->size() ? " and " : ", ";
    names += printable(queue_name_of((*urls)[i]), Newlines::escape);
  }
  return fmt::format("there {} {}", urls->size() == 1 ? "is" : "are", names);
}

Error missing_queue(const Client& client, const std::string& name) {
  return {ErrorCode::not_found,
          fmt::format("there is no queue '{}'; {}", printable(name, Newlines::escape),
                      names_text(client.queue_port().list())),
          {}};
}

}  // namespace

Result<std::string> existing_queue(const Invocation& invocation, const Client& client, const std::string& name) {
  if (is_on_aws(invocation.common)) {
    auto url = client.queue_port().resolve(name);
    if (!url && url.error().code == ErrorCode::not_found) return missing_queue(client, name);
    return url;
  }
  auto all = client.queue_port().list();
  if (!all) return std::move(all).error();
  if (std::find(all->begin(), all->end(), name) != all->end()) return name;
  return missing_queue(client, name);
}

}  // namespace fanfold::cli
