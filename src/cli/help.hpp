#pragma once

#include <memory>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name.
class FormatterBase;
class Option;
}  // namespace CLI

namespace fanfold::cli {

/// How --help is laid out: values by the names that their options give them, and what is left to say (default,
/// variable, required) in words behind the description.
[[nodiscard]] std::shared_ptr<CLI::FormatterBase> help_formatter();

/// "--jobs,-j N", or the name of an argument: "CLUSTER".
[[nodiscard]] std::string option_heading(const CLI::Option& option);
/// What it means, with its default, its variable and whether it is required.
[[nodiscard]] std::string option_description(const CLI::Option& option);

}  // namespace fanfold::cli
