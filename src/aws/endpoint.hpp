#pragma once

#include "aws/config.hpp"
#include "net/url.hpp"

#include <string>
#include <string_view>

namespace fanfold::aws {

/// "sqs", "dynamodb", "s3", "sts" and "sso" are the services that fanfold talks to.
struct Endpoint {
  net::Url url{};
  std::string region{};    ///< What requests are signed for.
  bool is_custom = false;  ///< From AWS_ENDPOINT_URL or its kin.
};

/// Where a service is: what is configured, else the host name of its partition (aws, aws-cn, aws-us-gov, aws-iso,
/// -iso-b, -iso-e, -iso-f, aws-eusc). Errors: invalid_argument.
[[nodiscard]] Result<Endpoint> find_endpoint(const Config& config, std::string_view service, const std::string& region);

/// Host and path of a bucket: https://bucket.host/key, or https://host/bucket/key where the endpoint is custom, the
/// bucket's name has dots (no certificate covers those), or the profile says so.
struct BucketAddress {
  net::Url url{};  ///< Its path, without a slash at the end, goes before "/" and the encoded key.
};
/// Errors: invalid_argument for what is no bucket's name.
[[nodiscard]] Result<BucketAddress> bucket_address(const Endpoint& s3, std::string_view bucket,
                                                   std::string_view addressing_style);

}  // namespace fanfold::aws
