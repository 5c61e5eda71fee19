#include "cli/commands.hpp"
#include "cli/output.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace fanfold::cli {
namespace {

/// One command with what may follow it. Paths are words joined by blanks: "cluster create".
struct Words {
  std::string path;
  std::vector<std::string> commands;
  std::vector<std::string> options;
};

void collect(const CLI::App& app, const std::string& path, const std::vector<std::string>& common,
             std::vector<Words>& all) {
  Words words{path, {}, common};
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.options.push_back("--" + name);
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) words.commands.push_back(command->get_name());
  all.push_back(std::move(words));
  for (const CLI::App* command : commands) {
    collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), common, all);
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// Bash finds the command's path in the words typed so far, then offers what may follow it; zsh runs the same through
/// bashcompinit.
std::string script(const CLI::App& root, bool zsh) {
  std::vector<Words> all;
  collect(root, "", {"--store", "--durability", "--json", "--help"}, all);
  std::string cases;
  std::string paths;
  for (const Words& words : all) {
    cases += fmt::format("    '{}') candidates='{}{}{}' ;;\n", words.path, joined(words.commands),
                         words.commands.empty() ? "" : " ", joined(words.options));
    paths += fmt::format("'{}' ", words.path);
  }
  return fmt::format(
      R"(# {0}
{1}_fanfold() {{
  local word path='' candidates='' current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    [ "$word" = -- ] && return
    case " {2}" in *"'${{path:+$path }}$word' "*) path=${{path:+$path }}$word ;; esac
  done
  case $previous in
    --store|--tasks|--results) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --durability) COMPREPLY=($(compgen -W 'full normal' -- "$current")); return ;;
  esac
  case $path in
{3}  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}}
complete -o default -F _fanfold fanfold
)",
      zsh ? "fanfold completion for zsh: source it from .zshrc" : "fanfold completion for bash: source it from .bashrc",
      zsh ? "autoload -U +X bashcompinit && bashcompinit\n" : "", paths, cases);
}

struct CompletionOptions {
  std::string shell;
};

}  // namespace

void add_completion_command(Command app, Invocation& invocation) {
  auto command = add_command<CompletionOptions>(
      app, invocation, "completion", "Print completions for a shell", "source <(fanfold completion bash)",
      [app](const Invocation&, const CompletionOptions& options) -> Result<ExitCode> {
        print(script(app.app(), options.shell == "zsh"));
        return ExitCode::ok;
      });
  command.app.option("shell", command.options.shell, "bash or zsh",
                     {.value = "SHELL", .required = true, .choices = {"bash", "zsh"}});
}

}  // namespace fanfold::cli
