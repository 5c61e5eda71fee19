#pragma once

#include "cli/command.hpp"
#include "cli/exit_code.hpp"

#include <fanfold/result.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fanfold::cli {

/// What every command takes.
struct CommonOptions {
  std::string store = "fanfold.db";
  std::string durability = "full";
  // With --store aws; what is empty is found as all AWS tools find it.
  std::string table{};
  std::string bucket{};
  std::string region{};
  std::string profile{};
  std::string prices{};  ///< A file.
  bool json = false;
};

/// One start of the command: what it was given, and what its command line turned out to ask for.
struct Invocation {
  CommonOptions common;
  std::vector<std::string> command;  ///< What stood behind "--": the program to run for each task.
  std::function<Result<ExitCode>()> action;
};

inline constexpr const char* common_options_hint =
    "Every command also takes --store, --json and what says where the store is: see fanfold --help.";

/// Adds a command with options of its own. `Options` is filled by the parser and outlives the parse; `perform` runs
/// after it. The answer lets the caller declare options and arguments.
template <class Options>
struct AddedCommand {
  Command app;
  Options& options;
};

template <class Options, class Perform>
AddedCommand<Options> add_command(Command parent, Invocation& invocation, const std::string& name,
                                  const std::string& description, const std::string& example, Perform perform) {
  auto options = std::make_shared<Options>();  // Shared by the parser's callback and by the action that it sets.
  const Command command = parent.add(
      name, description, "Example:\n  " + example + "\n\n" + common_options_hint, [&invocation, options, perform] {
        invocation.action = [&invocation, options, perform] { return perform(invocation, *options); };
      });
  return {command, *options};
}

}  // namespace fanfold::cli
