#pragma once

#include "aws/credentials.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace fanfold::aws {

inline constexpr std::chrono::seconds credential_process_time_max{60};
inline constexpr std::size_t credential_process_output_bytes_max = std::size_t{64} << 10U;

/// Runs a profile's credential_process with /bin/sh and reads the credentials from its standard output. Its standard
/// error is ours, so that it can talk to the person at the terminal; its standard input is empty. Errors: bad_input,
/// permission_denied (it failed), unavailable (it cannot be started), deadline_exceeded, cancelled. `is_slow`, where
/// there is one, is called once where it has run for OutageNotice::patience and has not closed its output.
[[nodiscard]] Result<Credentials> run_credential_process(const std::string& command, const net::RunOptions& options,
                                                         std::function<void()> is_slow = {});

}  // namespace fanfold::aws
