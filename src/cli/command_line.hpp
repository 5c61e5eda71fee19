#pragma once

namespace fanfold::cli {

/// The whole command: parses, performs, prints, and answers the exit code. Called once, by main.
[[nodiscard]] int run_command_line(int argument_count, char** arguments);

}  // namespace fanfold::cli
