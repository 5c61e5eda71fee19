#include "cli/help.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace fanfold::cli {
namespace {

constexpr std::size_t description_columns = 70;  // Beside CLI11's 30: lines of 100.

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }
bool takes_many(const CLI::Option& option) {
  return option.get_expected_max() == CLI::detail::expected_max_vector_size;
}

std::string value_name(const CLI::Option& option) {
  return option.get_type_name() + (option.get_positional() && takes_many(option) ? "..." : "");
}

/// Lines of at most `columns`, broken between words. CLI11 indents what follows a newline.
std::string wrapped(std::string_view text, std::size_t columns) {
  std::string lines;
  while (text.size() > columns) {
    std::size_t end = text.rfind(' ', columns);
    if (end == std::string_view::npos || end == 0) end = text.find(' ');
    if (end == std::string_view::npos) break;
    lines.append(text.substr(0, end)).append(1, '\n');
    text.remove_prefix(end + 1);
  }
  return lines.append(text);
}

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() {
    label("Positionals", "Arguments");
    label("SUBCOMMAND", "COMMAND");
    label("SUBCOMMANDS", "COMMAND");
  }
  /// An argument that may be given by name too is shown once, as an argument.
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return !is_positional && option->get_positional() ? "" : Formatter::make_option(option, is_positional);
  }
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    return is_positional ? value_name(*option) : Formatter::make_option_name(option, false);
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_positional() || !takes_value(*option) ? "" : " " + value_name(*option);
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option_description(*option), description_columns);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::stringstream out;
    CLI::detail::format_help(out, command->get_display_name(true),
                             wrapped(command->get_description(), description_columns), get_column_width());
    return out.str();
  }
  std::string make_option_usage(const CLI::Option* option) const override {
    return option->get_required() ? value_name(*option) : "[" + value_name(*option) + "]";
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

std::string option_heading(const CLI::Option& option) {
  if (option.get_positional()) return value_name(option);
  return option.get_name(false, true) + (takes_value(option) ? " " + value_name(option) : "");
}

std::string option_description(const CLI::Option& option) {
  std::string text = option.get_description();
  const std::string standard = option.get_default_str();
  if (!standard.empty()) text += fmt::format(" (default: {})", standard);
  if (!option.get_envname().empty()) text += fmt::format(" [${}]", option.get_envname());
  if (option.get_required() && !option.get_positional()) text += " (required)";
  return text;
}

}  // namespace fanfold::cli
