#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <filesystem>

namespace fanfold::sqlite {

/// Refuses folders that are missing and file systems on other machines, where locks and shared memory do not hold.
/// With `may_create`, a file that is missing can be made; else it has to be there.
/// Errors: not_found, invalid_argument, unavailable, read_only, permission_denied.
[[nodiscard]] Result<void> check_place(const std::filesystem::path& file, bool may_create);

[[nodiscard]] std::int64_t process_number() noexcept;

}  // namespace fanfold::sqlite
