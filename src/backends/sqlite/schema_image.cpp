#include "backends/sqlite/schema_image.hpp"

#include "backends/sqlite/schema.hpp"

#include <algorithm>
#include <memory>

namespace fanfold::sqlite {

namespace {

/// Zeros between two pieces; fewer are cheaper kept than told.
constexpr std::size_t gap_bytes_min = 16;
constexpr std::size_t bytes_a_line = 100;
/// Where the header of a database says whether changes go to a journal (1) or to a log (2), for writers and readers.
constexpr std::size_t write_version_offset = 18;
constexpr std::size_t read_version_offset = 19;
constexpr char log_version = 2;

void append_escaped(std::string& source, std::string_view bytes) {
  constexpr std::string_view octal = "01234567";
  std::size_t count = 0;
  for (const char c : bytes) {
    if (count++ % bytes_a_line == 0) source += "\"\n    \"";
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte >= ' ' && byte <= '~' && c != '"' && c != '\\' && c != '?';
    if (is_plain) {
      source += c;
      continue;
    }
    // Always three digits, so that one that follows does not belong to it.
    source += '\\';
    source += octal[byte >> 6U];
    source += octal[byte >> 3U & 7U];
    source += octal[byte & 7U];
  }
}

}  // namespace

std::string make_image() {
  Connection connection({}, Access::memory);
  connection.run(("PRAGMA page_size = " + std::to_string(database_page_bytes)).c_str());
  connection.run("PRAGMA auto_vacuum = INCREMENTAL");
  migrate(connection, 0);
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> bytes(
      sqlite3_serialize(connection.handle(), "main", &size, 0), sqlite3_free);
  if (!bytes) throw_failure(connection.handle(), SQLITE_NOMEM, "making the schema");
  std::string image(reinterpret_cast<const char*>(bytes.get()), static_cast<std::size_t>(size));
  // A database in memory cannot have a log, so that it is asked for here.
  image[write_version_offset] = image[read_version_offset] = log_version;
  return image;
}

std::string source_of_built_image(std::string_view image) {
  std::string source =
      "// Made by image/main.cpp from the SQL of schema.cpp.\n"
      "#include \"backends/sqlite/schema_image.hpp\"\n\n"
      "namespace fanfold::sqlite {\n\nnamespace {\n\nconstexpr ImagePiece pieces[] = {\n";
  for (std::size_t begin = image.find_first_not_of('\0'); begin != std::string_view::npos;) {
    std::size_t end = begin;
    std::size_t next = begin;
    do {
      end = std::min(image.find('\0', next), image.size());
      next = image.find_first_not_of('\0', end);
    } while (next != std::string_view::npos && next - end < gap_bytes_min);
    source += "    {" + std::to_string(begin) + ", {\"";
    append_escaped(source, image.substr(begin, end - begin));
    source += "\", " + std::to_string(end - begin) + "}},\n";
    begin = next;
  }
  source += "};\n\n}  // namespace\n\nPackedImage built_image() noexcept { return {" + std::to_string(image.size()) +
            ", pieces}; }\n\n}  // namespace fanfold::sqlite\n";
  return source;
}

std::string PackedImage::unpacked(std::size_t offset, std::size_t count) const {
  std::string all(count, '\0');
  for (const ImagePiece& piece : pieces) {
    const std::size_t begin = std::max(piece.offset, offset);
    const std::size_t end = std::min(piece.offset + piece.bytes.size(), offset + count);
    if (begin < end) all.replace(begin - offset, end - begin, piece.bytes.substr(begin - piece.offset, end - begin));
  }
  return all;
}

bool PackedImage::has_at(std::size_t offset, std::string_view bytes) const {
  if (bytes.size() > size_bytes || offset > size_bytes - bytes.size()) return false;
  const std::string all = unpacked(offset, bytes.size());
  return std::equal(bytes.begin(), bytes.end(), all.begin(),
                    [](char byte, char made) { return byte == made || byte == '\0'; });
}

PackedImage schema_image() {
  const PackedImage built = built_image();
  if (built.size_bytes != 0) return built;
  static const std::string made = make_image();
  static const ImagePiece whole{0, made};
  return {made.size(), std::span(&whole, 1)};
}

}  // namespace fanfold::sqlite
