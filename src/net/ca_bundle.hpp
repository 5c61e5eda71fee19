#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace fanfold::net {

/// The file of certificates that this machine trusts: the one that libcurl was built to use (`built_in`, may be empty)
/// where it is here, else the first that is of those that distributions have. A program that was linked on one
/// distribution runs on another: Debian's libcurl looks where Amazon Linux has nothing. Empty where there is none.
[[nodiscard]] std::string find_ca_bundle(std::string_view built_in,
                                         const std::function<bool(const std::string&)>& is_readable);

}  // namespace fanfold::net
