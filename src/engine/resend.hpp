#pragma once

#include "engine/store.hpp"

namespace fanfold::engine {

enum class ResendReason : std::uint8_t {
  repair,            ///< By the sweep: at most once per visibility timeout, and not beside another sender.
  creation_cut_off,  ///< The creator's process is gone and the creation was called again: at once.
  resume             ///< Asked for by a person; ends a pause in the same write, and takes over from whoever sends.
};

/// The one repair: sends every task that is not ended again (a leased one delayed to the end of its lease), ends those
/// whose child cluster is finished, and hands up what had ended without its cluster's notice. Leaves a mark that the
/// sweep finds if it is cut off. The answer counts the tasks sent; 0 also where there was nothing to do or another
/// sender is at it. One that dies, or whose `deadline` is over, is gone on with from where it was, unless the next one
/// is a `resume`. Errors: deleted; stopped and sealed (finished) for `resume`.
Result<std::uint64_t> resend(Store& store, std::string_view cluster_id, ResendReason reason,
                             std::optional<Time> deadline = std::nullopt);

}  // namespace fanfold::engine
