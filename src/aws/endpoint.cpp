#include "aws/endpoint.hpp"

#include <algorithm>
#include <array>

namespace fanfold::aws {
namespace {

struct Partition {
  std::string_view region_prefix;
  std::string_view suffix;
  std::string_view dualstack_suffix;
};

// From the partitions and endpoint rules that AWS publishes with its SDKs. The first prefix that fits is taken.
constexpr std::array<Partition, 7> partitions = {{{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
                                                  {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
                                                  {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
                                                  {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
                                                  {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
                                                  {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
                                                  {"", "amazonaws.com", "api.aws"}}};

const Partition& partition_of(std::string_view region) {
  return *std::find_if(partitions.begin(), partitions.end(),
                       [&](const Partition& p) { return region.starts_with(p.region_prefix); });
}

std::string host_of(std::string_view service, std::string_view region, bool fips, bool dualstack) {
  const Partition& partition = partition_of(region);
  std::string host(service == "sso" ? "portal.sso" : service);
  // GovCloud's plain names are the FIPS endpoints, except S3's and where dual stack is asked for too.
  const bool plain_is_fips = region.starts_with("us-gov-") && !dualstack && service != "s3";
  if (fips && !plain_is_fips) host += "-fips";
  if (dualstack && service == "s3") host += ".dualstack";
  host.append(".").append(region).append(".");
  host.append(dualstack && service != "s3" ? partition.dualstack_suffix : partition.suffix);
  return host;
}

bool is_bucket_name(std::string_view name) {
  constexpr std::size_t size_min = 3;
  constexpr std::size_t size_max = 63;
  const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return name.size() >= size_min && name.size() <= size_max && std::all_of(name.begin(), name.end(), is_inner) &&
         name.front() != '-' && name.front() != '.' && name.back() != '-' && name.back() != '.' &&
         name.find("..") == std::string_view::npos;
}

}  // namespace

Result<Endpoint> find_endpoint(const Config& config, std::string_view service, const std::string& region) {
  Result<std::optional<std::string>> configured = config.endpoint_url(service);
  if (!configured.has_value()) return std::move(configured).error();
  if (!*configured) {
    if (service == "s3" && config.uses_fips() && region.starts_with("cn-")) {
      return Error{ErrorCode::invalid_argument, "S3 has no FIPS endpoints in " + region, {}};
    }
    return Endpoint{
        {"https", host_of(service, region, config.uses_fips(), config.uses_dualstack()), 0, {}}, region, false};
  }
  if (config.uses_fips() || config.uses_dualstack()) {
    return Error{ErrorCode::invalid_argument,
                 "AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT choose among AWS's own hosts and cannot be "
                 "combined with an endpoint URL for " +
                     std::string(service),
                 {}};
  }
  Result<net::Url> url = net::parse_url(**configured);
  if (!url.has_value()) {
    return Error{
        ErrorCode::invalid_argument, "the endpoint URL of " + std::string(service) + ": " + url.error().message, {}};
  }
  return Endpoint{*url, region, true};
}

Result<BucketAddress> bucket_address(const Endpoint& s3, std::string_view bucket, std::string_view addressing_style) {
  if (!is_bucket_name(bucket)) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(bucket) + "' is no bucket's name: 3 to 63 of a-z, 0-9, '-' and '.'",
                 {}};
  }
  BucketAddress address{s3.url};
  const bool has_dots = bucket.find('.') != std::string_view::npos;
  const bool in_path = addressing_style == "path" || (has_dots && s3.url.scheme == "https") ||
                       (s3.is_custom && addressing_style != "virtual");
  if (in_path) {
    address.url.path.append("/").append(bucket);
  } else {
    address.url.host = std::string(bucket) + "." + address.url.host;
  }
  return address;
}

}  // namespace fanfold::aws
