#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fanfold::sqlite {

/// The bytes of a store in which nothing is yet: the schema in a file that keeps a log. `make_image` has SQLite run the
/// SQL of schema.cpp in memory and answers what it leaves; that is done when fanfold is built (image/main.cpp), and
/// what a program carries of it is the pieces that are not zeros. Throws StorageFailure.
[[nodiscard]] std::string make_image();

struct ImagePiece {
  std::size_t offset = 0;
  std::string_view bytes{};
};
/// An image without its zeros.
struct PackedImage {
  std::size_t size_bytes = 0;
  std::span<const ImagePiece> pieces{};  ///< Ascending.

  /// The bytes [offset, offset + count).
  [[nodiscard]] std::string unpacked(std::size_t offset, std::size_t count) const;
  /// Whether these bytes, which stand at `offset`, are the image's or zeros, each.
  [[nodiscard]] bool has_at(std::size_t offset, std::string_view bytes) const;
};

/// Made at build time. Nothing in it where the build's machine could not run what makes it.
[[nodiscard]] PackedImage built_image() noexcept;
/// The source of that function.
[[nodiscard]] std::string source_of_built_image(std::string_view image);

/// The one that was built, or else one made now, once. Throws StorageFailure where that fails. Thread-safe.
[[nodiscard]] PackedImage schema_image();

}  // namespace fanfold::sqlite
