#pragma once

#include "engine/store.hpp"

#include <fanfold/detail/client_core.hpp>

namespace fanfold::engine {

inline constexpr std::size_t message_meta_bytes_max = 64 * 1024;
/// How often a message that the queue refuses for the moment is sent in all.
inline constexpr std::size_t message_send_count_max = 6;

/// Creates each record, then sends; one answer per message, in order. What the queue refuses for the moment is sent
/// again, with jittered pauses; what it refuses for good is reported, and its record says so. An error of the whole
/// call comes before anything was sent.
Result<std::vector<Result<MessageKey>>> send_messages(Store& store, const std::string& queue,
                                                      std::span<const detail::OutgoingBody> messages);

}  // namespace fanfold::engine
