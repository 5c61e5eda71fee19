#include "cli/creation_notice.hpp"

#include "cli/output.hpp"
#include "cli/pause.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <system_error>

namespace fanfold::cli {

CreationNotice::CreationNotice(const std::atomic<std::uint64_t>& read_count, Options options)
    : read_count_(read_count), options_(std::move(options)) {
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      pause_for(options_.first, stop);
      while (!stop.stop_requested()) {
        tell();
        pause_for(options_.interval, stop);
      }
    });
  } catch (const std::system_error&) {
  }
}

void CreationNotice::tell() const {
  std::string line =
      fmt::format("fanfold: still creating the cluster; {} read so far", counted(read_count_.load(), "task", "tasks"));
  if (options_.has_key)
    line += "; where another command with the same key was cut off, its last sign has to be a minute old";
  if (options_.say)
    options_.say(line);
  else
    note(line);
}

}  // namespace fanfold::cli
