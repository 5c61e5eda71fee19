#include "aws/session.hpp"

#include "aws/credential_chain.hpp"

#include <fanfold/version.hpp>

namespace fanfold::aws {
namespace {

constexpr std::string_view xml_services[] = {"s3", "sts"};

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const Variables& variables, const ConfigOverrides& overrides,
                                               OutageNotice::Warn warn) {
  Result<Config> config = Config::load(variables, overrides);
  if (!config.has_value()) return std::move(config).error();
  Result<std::string> region = config->region();
  if (!region.has_value()) return std::move(region).error();
  if (auto usable = net::HttpClient::usable(); !usable) return std::move(usable).error();
  return std::unique_ptr<Session>(new Session(std::move(*config), std::move(*region), std::move(warn)));
}

Session::Session(Config config, std::string region, OutageNotice::Warn warn)
    : config_(std::move(config)),
      region_(std::move(region)),
      http_({.ca_bundle = config_.ca_bundle(), .user_agent = "fanfold/" + std::string(version())}),
      credentials_(make_credential_chain({config_, http_, time_, std::move(warn)}), [this] { return time_.now(); }) {}

Result<std::unique_ptr<Service>> Session::service(std::string_view name, OutageNotice::Warn warn) {
  Result<Endpoint> endpoint = find_endpoint(config_, name, region_);
  if (!endpoint.has_value()) return std::move(endpoint).error();
  Service::Options options{.name = std::string(name),
                           .protocol = Protocol::json,
                           .endpoint = std::move(*endpoint),
                           .retry = {},
                           .warn = std::move(warn)};
  for (const std::string_view xml : xml_services) {
    if (name == xml) options.protocol = Protocol::xml;
  }
  options.retry.attempt_count_max = config_.attempt_count_max();
  options.retry.throttled_attempt_count_max =
      std::max(options.retry.throttled_attempt_count_max, config_.attempt_count_max());
  return std::make_unique<Service>(std::move(options), http_, time_, &credentials_);
}

}  // namespace fanfold::aws
