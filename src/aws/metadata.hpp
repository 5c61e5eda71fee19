#pragma once

#include "net/http_client.hpp"

#include <functional>

namespace fanfold::aws {

inline constexpr std::size_t metadata_bytes_max = std::size_t{64} << 10U;

/// An unsigned request to an address that hands out credentials. Tries again where there is no answer or one with 5xx,
/// `attempt_count_max` times in all. Never through a proxy where the address is plain http. `on_slow`, where there is
/// one, is called once where an attempt waits for OutageNotice::patience.
[[nodiscard]] Result<net::HttpResponse> fetch_metadata(net::HttpClient& http, net::HttpRequest request,
                                                       std::uint32_t attempt_count_max, const net::RunOptions& options,
                                                       std::function<void()> on_slow = {});

}  // namespace fanfold::aws
