#include "cli/command.hpp"

#include "cli/duration.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace fanfold::cli {
namespace {

/// What CLI11 asks of a value: empty where it is fine, else what is wrong with it.
std::function<std::string(std::string&)> is_one_of(const std::vector<std::string>& choices) {
  return [choices](const std::string& value) {
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return std::string();
    std::string names;
    for (const std::string& choice : choices) names += (names.empty() ? "" : ", ") + choice;
    return "'" + printable(value, Newlines::escape) + "' is not possible; possible: " + names;
  };
}

template <class Target>
void add_option(CLI::App& app, const std::string& name, Target& target, const std::string& help,
                const OptionTraits& traits) {
  CLI::Option* option = app.add_option(name, target, help);
  if (!traits.value.empty()) option->type_name(traits.value);
  // The help says in words what a value may be; CLI11's own names for checks and types would stand beside that.
  if (traits.range) option->check(CLI::Range(traits.range->least, traits.range->most).description(""));
  if (!traits.choices.empty()) option->check(CLI::Validator(is_one_of(traits.choices), ""));
  if (!traits.environment.empty()) option->envname(traits.environment);
  if (traits.show_default) option->capture_default_str();
  option->required(traits.required);
}

}  // namespace

void Command::option(const std::string& name, std::string& target, const std::string& help,
                     const OptionTraits& traits) {
  add_option(*app_, name, target, help, traits);
}
void Command::option(const std::string& name, std::vector<std::string>& target, const std::string& help,
                     const OptionTraits& traits) {
  add_option(*app_, name, target, help, traits);
}
void Command::option(const std::string& name, std::uint64_t& target, const std::string& help,
                     const OptionTraits& traits) {
  add_option(*app_, name, target, help, traits);
}
void Command::option(const std::string& name, std::uint32_t& target, const std::string& help,
                     const OptionTraits& traits) {
  add_option(*app_, name, target, help, traits);
}
void Command::option(const std::string& name, std::optional<std::uint32_t>& target, const std::string& help,
                     const OptionTraits& traits) {
  add_option(*app_, name, target, help, traits);
}

void Command::flag(const std::string& name, bool& target, const std::string& help) {
  app_->add_flag(name, target, help);
}

void Command::duration_option(const std::string& name, const std::string& help,
                              std::function<bool(std::chrono::milliseconds)> store) {
  const auto read = [name, store = std::move(store)](const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration) throw CLI::ValidationError(name, duration.error().message);
    if (!store(*duration)) throw CLI::ValidationError(name, "'" + text + "' is finer than this option can be");
  };
  app_->add_option_function<std::string>(name, read, help)->type_name("DURATION");
}

Command Command::group(const std::string& name, const std::string& description) const {
  CLI::App* group = app_->add_subcommand(name, description)->group("Commands");
  group->require_subcommand(1);
  group->fallthrough();
  return Command(*group);
}

Command Command::add(const std::string& name, const std::string& description, const std::string& footer,
                     std::function<void()> on_parse) const {
  CLI::App* command = app_->add_subcommand(name, description)->group("Commands");
  command->footer(footer);
  command->fallthrough();
  // CLI11 calls a command back also where one below it is meant.
  command->callback([command, on_parse = std::move(on_parse)] {
    if (command->get_subcommands().empty()) on_parse();
  });
  return Command(*command);
}

bool Command::is_root() const { return app_->get_parent() == nullptr; }

}  // namespace fanfold::cli
