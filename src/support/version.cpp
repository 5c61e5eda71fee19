#include <fanfold/version.hpp>

namespace fanfold {

std::string_view version() noexcept { return FANFOLD_VERSION; }

}  // namespace fanfold
