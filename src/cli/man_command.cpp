#include "cli/commands.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"

#include <fanfold/version.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace fanfold::cli {
namespace {

/// Text for roff: a line must not begin with a request, and backslash and minus are themselves.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::string option_entry(const CLI::Option& option) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(option_heading(option)), roff(option_description(option)));
}

void append_command(const CLI::App& app, const std::string& path, std::string& page) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty()) {
    page += fmt::format(".SS {}\n{}.\n", roff(path), roff(app.get_description()));
    for (const CLI::Option* option : app.get_options()) {
      if (option != app.get_help_ptr()) page += option_entry(*option);
    }
    const std::string footer = app.get_footer();
    const std::string example = footer.substr(0, footer.find("\n\nEvery command"));
    page += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(example));
  }
  for (const CLI::App* command : commands) append_command(*command, path + " " + command->get_name(), page);
}

std::string man_page(const CLI::App& root) {
  std::string page = fmt::format(".TH FANFOLD 1 \"\" \"fanfold {}\" \"User Commands\"\n.SH NAME\n", version());
  page += "fanfold \\- fans a job out into messages and folds it back in\n";
  page += ".SH SYNOPSIS\n.B fanfold\n.I COMMAND\n[\\fIOPTION\\fR...] [\\-\\- \\fIPROGRAM\\fR \\fIARGUMENT\\fR...]\n";
  page += ".SH COMMON OPTIONS\n";
  for (const CLI::Option* option : root.get_options()) page += option_entry(*option);
  page += ".SH COMMANDS\n";
  append_command(root, "fanfold", page);
  page += ".SH EXIT CODES\n.nf\n" + roff(root.get_footer()) + "\n.fi\n";
  return page;
}

}  // namespace

void add_man_command(Command app, Invocation& invocation) {
  add_command<NoOptions>(app, invocation, "man", "Print the manual page", "fanfold man | man -l -",
                         [app](const Invocation&, const NoOptions&) -> Result<ExitCode> {
                           print(man_page(app.app()));
                           return ExitCode::ok;
                         });
}

}  // namespace fanfold::cli
