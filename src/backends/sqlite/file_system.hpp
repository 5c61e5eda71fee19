#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <filesystem>

namespace fanfold::sqlite {

/// Refuses folders that are missing and file systems on other machines, where locks and shared memory do not hold.
/// Errors: not_found, invalid_argument, unavailable.
[[nodiscard]] Result<void> check_place(const std::filesystem::path& file);

[[nodiscard]] std::int64_t process_number() noexcept;

}  // namespace fanfold::sqlite
