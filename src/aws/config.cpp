#include "aws/config.hpp"

#include "aws/files.hpp"
#include "support/letter_case.hpp"

#include <charconv>
#include <cstdlib>

namespace fanfold::aws {
namespace {

Error bad_setting(const std::string& place, const std::string& reason) {
  return {ErrorCode::invalid_argument, place + ": " + reason, {}};
}

std::string with_home(const std::string& path, const std::optional<std::string>& home) {
  if (home && (path == "~" || path.starts_with("~/"))) return *home + path.substr(1);
  return path;
}

Result<IniFile> read_ini(const std::string& file) {
  Result<std::optional<std::string>> text = read_small_file(file, ini_file_bytes_max);
  if (!text.has_value()) return std::move(text).error();
  if (!*text) return IniFile();
  return parse_ini(**text, file);
}

void merge(IniSection& into, IniSection from) {
  for (auto& [key, value] : from) into.insert_or_assign(key, std::move(value));
}

bool is_region(std::string_view text) {
  constexpr std::size_t label_size_max = 63;
  return !text.empty() && text.size() <= label_size_max && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

Variables process_variables() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

Result<Config> Config::load(const Variables& variables, const ConfigOverrides& overrides) {
  Config config(variables);
  if (Result<void> read = config.read_files(); !read.has_value()) return std::move(read).error();
  if (Result<void> read = config.read_settings(overrides); !read.has_value()) return std::move(read).error();
  return config;
}

Result<void> Config::read_files() {
  const std::optional<std::string> home = variables_("HOME");
  if (home) directory_ = *home + "/.aws";
  config_file_ =
      with_home(variables_("AWS_CONFIG_FILE").value_or(directory_.empty() ? "" : directory_ + "/config"), home);
  credentials_file_ = with_home(
      variables_("AWS_SHARED_CREDENTIALS_FILE").value_or(directory_.empty() ? "" : directory_ + "/credentials"), home);

  Result<IniFile> config = read_ini(config_file_);
  if (!config.has_value()) return std::move(config).error();
  constexpr std::string_view profile_prefix = "profile ";
  constexpr std::string_view session_prefix = "sso-session ";
  constexpr std::string_view services_prefix = "services ";
  for (auto& [name, section] : *config) {
    if (name.starts_with(profile_prefix)) {
      merge(profiles_[name.substr(profile_prefix.size())], std::move(section));
    } else if (name.starts_with(session_prefix)) {
      sso_sessions_[name.substr(session_prefix.size())] = std::move(section);
    } else if (name.starts_with(services_prefix)) {
      services_[name.substr(services_prefix.size())] = std::move(section);
    } else if (name == "default" && !config->contains("profile default")) {
      profiles_["default"] = std::move(section);
    }
  }
  Result<IniFile> credentials = read_ini(credentials_file_);
  if (!credentials.has_value()) return std::move(credentials).error();
  for (auto& [name, section] : *credentials) merge(profiles_[name], std::move(section));
  return {};
}

Result<void> Config::read_settings(const ConfigOverrides& overrides) {
  is_profile_of_caller_ = overrides.profile.has_value();
  std::optional<std::string> named = overrides.profile;
  if (!named) named = variables_("AWS_PROFILE");
  if (!named) named = variables_("AWS_DEFAULT_PROFILE");
  profile_name_ = named.value_or("default");
  if (named && profile() == nullptr) {
    return Error{
        ErrorCode::invalid_argument,
        "the profile '" + profile_name_ + "' is neither in '" + config_file_ + "' nor in '" + credentials_file_ + "'",
        {}};
  }
  region_ = overrides.region;
  if (!region_) region_ = variables_("AWS_REGION");
  if (!region_) {
    if (const std::optional<Setting> region = setting("AWS_DEFAULT_REGION", "region")) region_ = region->text;
  }
  if (const std::optional<Setting> bundle = setting("AWS_CA_BUNDLE", "ca_bundle"))
    ca_bundle_ = with_home(bundle->text, variables_("HOME"));
  if (const std::optional<Setting> count = setting("AWS_MAX_ATTEMPTS", "max_attempts")) {
    const char* end = count->text.data() + count->text.size();
    const auto [stop, error] = std::from_chars(count->text.data(), end, attempt_count_max_);
    if (error != std::errc() || stop != end || attempt_count_max_ < 1 || attempt_count_max_ > attempt_count_limit) {
      return bad_setting(count->place, "expected a number from 1 to " + std::to_string(attempt_count_limit));
    }
  }
  if (const IniSection* section = profile(); section != nullptr) {
    if (const auto s3 = section->find("s3"); s3 != section->end()) {
      if (const auto style = s3->second.nested.find("addressing_style"); style != s3->second.nested.end())
        s3_addressing_style_ = style->second;
      if (s3_addressing_style_ != "path" && s3_addressing_style_ != "virtual" && s3_addressing_style_ != "auto") {
        return bad_setting(s3->second.place(), "addressing_style: expected path, virtual or auto");
      }
    }
  }
  if (Result<void> read = read_switch(uses_fips_, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"); !read.has_value())
    return read;
  if (Result<void> read = read_switch(uses_dualstack_, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
      !read.has_value())
    return read;
  return read_switch(ignores_configured_endpoints_, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                     "ignore_configured_endpoint_urls");
}

Result<void> Config::read_switch(bool& value, std::string_view variable_name, std::string_view key) {
  Result<std::optional<std::string>> text = switch_setting(variable_name, key);
  if (!text.has_value()) return std::move(text).error();
  value = *text == "true";
  return {};
}

Result<std::optional<std::string>> Config::switch_setting(std::string_view variable_name, std::string_view key) const {
  const std::optional<Setting> found = setting(variable_name, key);
  if (!found) return std::optional<std::string>();
  const std::string upper = support::upper_case(found->text);
  if (upper == "TRUE") return std::optional<std::string>("true");
  if (upper == "FALSE") return std::optional<std::string>("false");
  return bad_setting(found->place, "expected true or false");
}

const IniSection* Config::find_profile(std::string_view name) const {
  const auto found = profiles_.find(name);
  return found == profiles_.end() ? nullptr : &found->second;
}

const IniSection* Config::find_sso_session(std::string_view name) const {
  const auto found = sso_sessions_.find(name);
  return found == sso_sessions_.end() ? nullptr : &found->second;
}

std::optional<Config::Setting> Config::setting(std::string_view variable_name, std::string_view key) const {
  if (std::optional<std::string> value = variables_(variable_name))
    return Setting{std::move(*value), std::string(variable_name)};
  if (const IniSection* section = profile(); section != nullptr) {
    if (const auto found = section->find(key); found != section->end() && !found->second.text.empty()) {
      return Setting{found->second.text, found->second.place() + ": " + found->first};
    }
  }
  return std::nullopt;
}

Result<std::string> Config::region() const {
  if (!region_) {
    return Error{ErrorCode::invalid_argument,
                 "no region is configured: set AWS_REGION, or region in the profile '" + profile_name_ + "'",
                 {}};
  }
  if (!is_region(*region_)) return Error{ErrorCode::invalid_argument, "'" + *region_ + "' is no region", {}};
  return *region_;
}

Result<std::optional<std::string>> Config::endpoint_url(std::string_view service) const {
  using Found = std::optional<std::string>;
  if (ignores_configured_endpoints_) return Found();
  if (Found url = variables_("AWS_ENDPOINT_URL_" + support::upper_case(service))) return url;
  if (Found url = variables_("AWS_ENDPOINT_URL")) return url;
  const IniSection* section = profile();
  if (section == nullptr) return Found();
  if (const auto named = section->find("services"); named != section->end()) {
    const auto services = services_.find(named->second.text);
    if (services == services_.end()) {
      return bad_setting(named->second.place(), "there is no section [services " + named->second.text + "]");
    }
    if (const auto of_service = services->second.find(service); of_service != services->second.end()) {
      const auto url = of_service->second.nested.find("endpoint_url");
      if (url != of_service->second.nested.end()) return Found(url->second);
    }
  }
  if (const auto url = section->find("endpoint_url"); url != section->end()) return Found(url->second.text);
  return Found();
}

}  // namespace fanfold::aws
