#include "cli/remedy.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/run_job.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

/// With --again it would begin anew.
std::string_view but_for_again(const ClusterHeader& header) { return is_made_anew(header) ? ", without --again" : ""; }

std::string worker_of(const ClusterHeader& header) {
  return is_of_run(header) ? fmt::format("run the same fanfold run command again{}", but_for_again(header))
                           : "run fanfold work on that queue";
}

/// What ends a creation that was cut off. Whoever gave no key cannot name it again.
std::string creation_command_of(const ClusterHeader& header) {
  constexpr std::string_view sweep = "fanfold sweep, or any worker, ends it in time";
  if (is_of_run(header)) return fmt::format("run the same fanfold run command again; {}", sweep);
  if (header.creation_key.empty()) return std::string(sweep);
  return fmt::format("give the same fanfold cluster create command, with its --key, again; {}", sweep);
}

/// On AWS alone can a queue that was there be gone.
std::string queue_command_of(const ClusterHeader& header) {
  const std::string& url = header.queue_url;
  return fmt::format("fanfold setup aws --queue {} makes it again", shell_word(url.substr(url.rfind('/') + 1)));
}

}  // namespace

std::string as_commands(std::string remedy, const ClusterHeader& header) {
  const std::pair<std::string_view, std::string> phrases[] = {
      {"resume_cluster", "fanfold cluster resume " + word_of(header)},
      {"stop_cluster", "fanfold cluster stop " + word_of(header)},
      {"retry_failed", "fanfold retry " + word_of(header)},
      {"retry_finish", "fanfold retry --finish " + word_of(header)},
      {"make the queue again", queue_command_of(header)},
      {"list_tasks", "fanfold tasks " + word_of(header)},
      {"fail_task", "fanfold tasks fail"},
      {"run a worker on that queue", worker_of(header)},
      {"run more workers on that queue", worker_of(header)},
      {"run a worker with a finish handler on that queue",
       is_of_run(header) ? worker_of(header) : "run fanfold work with --on-finish on that queue"},
      {"create it again with the same key, or wait for the sweep", creation_command_of(header)},
      {"add them again with the same add key",
       fmt::format("give the same fanfold cluster add {} command again", word_of(header))},
      {"add the rest, then seal it",
       fmt::format("fanfold cluster add {0}, then fanfold cluster seal {0}", word_of(header))},
      {"what it printed is kept under the cluster's key",
       "fanfold logs " + word_of(header) + " shows what it printed"}};
  for (const auto& [name, command] : phrases) {
    if (const std::size_t at = remedy.find(name); at != std::string::npos) remedy.replace(at, name.size(), command);
  }
  for (const std::string_view command : {"sweep", "why"}) {
    if (remedy.starts_with(std::string(command) + " ")) remedy.insert(0, "fanfold ");
  }
  return remedy;
}

}  // namespace fanfold::cli
