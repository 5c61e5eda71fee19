#pragma once

#include "cli/exit_code.hpp"

#include <fanfold/result.hpp>

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fanfold::cli {

/// What every command takes.
struct CommonOptions {
  std::string store = "fanfold.db";
  std::string durability = "full";
  bool json = false;
};

/// One start of the command: what it was given, and what its command line turned out to ask for.
struct Invocation {
  CommonOptions common;
  std::vector<std::string> command;  ///< What stood behind "--": the program to run for each task.
  std::function<Result<ExitCode>()> action;
};

/// Adds a command with options of its own. `Options` is filled by CLI11 and outlives the parse; `perform` runs after it.
/// The answer lets the caller declare options and arguments.
template <class Options>
struct AddedCommand {
  CLI::App& app;
  Options& options;
};

template <class Options, class Perform>
AddedCommand<Options> add_command(CLI::App& parent, Invocation& invocation, const std::string& name,
                                  const std::string& description, const std::string& example, Perform perform) {
  auto options = std::make_shared<Options>();  // Shared by the parser's callback and by the action that it sets.
  CLI::App* app = parent.add_subcommand(name, description);
  app->footer("Example:\n  " + example + "\n\nEvery command also takes --store, --durability and --json: see fanfold --help.");
  app->fallthrough();
  app->callback([&invocation, options, perform] {
    invocation.action = [&invocation, options, perform] { return perform(invocation, *options); };
  });
  return {*app, *options};
}

}  // namespace fanfold::cli
