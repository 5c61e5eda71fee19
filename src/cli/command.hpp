#pragma once

#include <fanfold/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name.
class App;
}

namespace fanfold::cli {

/// What an option is like besides its name and meaning.
struct OptionTraits {
  std::string value{};  ///< What the help calls its value: "FILE".
  bool required = false;
  bool show_default = false;  ///< The help shows what the target holds now.
  struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
  };
  std::optional<Range> range{};
  std::vector<std::string> choices{};
  std::string environment{};  ///< A variable that gives the value where the option is not given.
};

/// Of a command that has no options of its own.
struct NoOptions {};

/// One command of the command line while it is declared: a thin cover over CLI11, whose header costs seconds to
/// compile. Targets are written when the line is parsed and must live until then. Copyable; refers to the parser's own.
class Command {
 public:
  explicit Command(CLI::App& app) noexcept : app_(&app) {}

  /// "--name", "-n,--name", or without a dash the name of an argument; "name,--name" is one that may be given by name
  /// too.
  void option(const std::string& name, std::string& target, const std::string& help, const OptionTraits& traits = {});
  void option(const std::string& name, std::vector<std::string>& target, const std::string& help,
              const OptionTraits& traits = {});
  void option(const std::string& name, std::uint64_t& target, const std::string& help, const OptionTraits& traits = {});
  void option(const std::string& name, std::uint32_t& target, const std::string& help, const OptionTraits& traits = {});
  void option(const std::string& name, std::optional<std::uint32_t>& target, const std::string& help,
              const OptionTraits& traits = {});
  void flag(const std::string& name, bool& target, const std::string& help);
  /// A wrong duration is a usage error that names option and place, as is one finer than `target` can hold.
  template <class Duration>
  void duration(const std::string& name, Duration& target, const std::string& help) {
    duration_option(name, help, [&target](std::chrono::milliseconds value) {
      if constexpr (requires { target.emplace(); }) {
        target = value;
        return true;
      } else {
        target = std::chrono::duration_cast<Duration>(value);
        return target == value;
      }
    });
  }

  /// A command that only holds others.
  [[nodiscard]] Command group(const std::string& name, const std::string& description) const;
  /// A command below this one. `on_parse` runs when the line names it.
  [[nodiscard]] Command add(const std::string& name, const std::string& description, const std::string& footer,
                            std::function<void()> on_parse) const;
  [[nodiscard]] bool is_root() const;
  [[nodiscard]] CLI::App& app() const noexcept { return *app_; }

 private:
  void duration_option(const std::string& name, const std::string& help,
                       std::function<bool(std::chrono::milliseconds)> store);
  CLI::App* app_;
};

}  // namespace fanfold::cli
