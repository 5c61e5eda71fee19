#pragma once

#include "aws/ini.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fanfold::aws {

/// Looks a variable of the environment up; empty where it is unset. An empty value counts as unset.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;
/// The process's own. Not to be used while another thread changes the environment.
[[nodiscard]] Variables process_variables();

/// What the caller decides without asking the environment.
struct ConfigOverrides {
  std::optional<std::string> profile{};
  std::optional<std::string> region{};
};

/// Settings of the AWS tools: environment first, then the profile in ~/.aws/config and ~/.aws/credentials, found where
/// AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say. Read once; holds keys where the files do, so it is not to be
/// shown.
///
/// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
class Config {
 public:
  /// Errors: bad_input ("FILE:LINE: …"), invalid_argument (a setting with a value that it cannot have; a profile that
  /// was asked for by name and is in neither file), permission_denied (a file that is there cannot be read).
  [[nodiscard]] static Result<Config> load(const Variables& variables, const ConfigOverrides& overrides);

  [[nodiscard]] const std::string& profile_name() const noexcept { return profile_name_; }
  /// The caller named the profile: its credentials go before those of the environment.
  [[nodiscard]] bool is_profile_of_caller() const noexcept { return is_profile_of_caller_; }
  /// Null where neither file has it. Keys of the credentials file go before those of the config file.
  [[nodiscard]] const IniSection* find_profile(std::string_view name) const;
  [[nodiscard]] const IniSection* find_sso_session(std::string_view name) const;

  /// Errors: invalid_argument where none is configured or it is no region's name.
  [[nodiscard]] Result<std::string> region() const;
  /// What AWS_ENDPOINT_URL and its kin say for a service ("sqs", "dynamodb", "s3", "sts", "sso"). Errors:
  /// invalid_argument.
  [[nodiscard]] Result<std::optional<std::string>> endpoint_url(std::string_view service) const;
  [[nodiscard]] bool uses_fips() const noexcept { return uses_fips_; }
  [[nodiscard]] bool uses_dualstack() const noexcept { return uses_dualstack_; }
  [[nodiscard]] const std::string& ca_bundle() const noexcept { return ca_bundle_; }
  [[nodiscard]] std::uint32_t attempt_count_max() const noexcept { return attempt_count_max_; }
  /// "path", "virtual" or "auto": the profile's s3 addressing_style.
  [[nodiscard]] const std::string& s3_addressing_style() const noexcept { return s3_addressing_style_; }

  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const { return variables_(name); }
  /// A setting of the environment or else of the profile; `place` tells where it was found.
  struct Setting {
    std::string text;
    std::string place;
  };
  [[nodiscard]] std::optional<Setting> setting(std::string_view variable_name, std::string_view key) const;
  /// Errors: invalid_argument where it is neither true nor false.
  [[nodiscard]] Result<std::optional<std::string>> switch_setting(std::string_view variable_name,
                                                                  std::string_view key) const;
  /// ~/.aws; empty where there is no home.
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

  static constexpr std::uint32_t attempt_count_default = 3;
  static constexpr std::uint32_t attempt_count_limit = 100;

 private:
  explicit Config(Variables variables) : variables_(std::move(variables)) {}
  Result<void> read_files();
  Result<void> read_settings(const ConfigOverrides& overrides);
  Result<void> read_switch(bool& value, std::string_view variable_name, std::string_view key);
  [[nodiscard]] const IniSection* profile() const { return find_profile(profile_name_); }

  Variables variables_;
  std::string directory_;
  std::string config_file_;
  std::string credentials_file_;
  IniFile profiles_;
  IniFile sso_sessions_;
  IniFile services_;
  std::string profile_name_;
  bool is_profile_of_caller_ = false;
  std::optional<std::string> region_;
  bool uses_fips_ = false;
  bool uses_dualstack_ = false;
  bool ignores_configured_endpoints_ = false;
  std::string ca_bundle_;
  std::uint32_t attempt_count_max_ = attempt_count_default;
  std::string s3_addressing_style_ = "auto";
};

}  // namespace fanfold::aws
