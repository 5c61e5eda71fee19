// In place of what image/main.cpp writes: in that program itself, and where the build's machine cannot run it.
#include "backends/sqlite/schema_image.hpp"

namespace fanfold::sqlite {

PackedImage built_image() noexcept { return {}; }

}  // namespace fanfold::sqlite
