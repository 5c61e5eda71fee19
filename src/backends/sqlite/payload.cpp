#include "backends/sqlite/payload.hpp"

#include "backends/sqlite/bytes.hpp"

namespace fanfold::sqlite {

namespace {

constexpr std::size_t lengths_bytes = 8;

std::uint64_t lengths_of(const TaskData& task) {
  return static_cast<std::uint64_t>(task.body.size()) << 32U | task.meta.size();
}

}  // namespace

std::string pack_payloads(std::span<const TaskData> tasks) {
  std::size_t size = tasks.size() * lengths_bytes;
  for (const TaskData& task : tasks) size += task.body.size() + task.meta.size();
  std::string bytes;
  bytes.reserve(size);
  bytes.resize(tasks.size() * lengths_bytes);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    store_word(bytes.data() + i * lengths_bytes, lengths_of(tasks[i]));
    bytes += tasks[i].body;
    bytes += tasks[i].meta;
  }
  return bytes;
}

std::optional<PayloadView> PayloadView::of(std::string_view bytes, std::size_t count) {
  if (bytes.size() / lengths_bytes < count) return std::nullopt;
  std::size_t size = count * lengths_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t lengths = load_word(bytes.data() + i * lengths_bytes);
    size += (lengths >> 32U) + (lengths & 0xffff'ffffU);
  }
  if (size != bytes.size()) return std::nullopt;
  return PayloadView(bytes, count);
}

PayloadView::Entry PayloadView::at(std::size_t place) const {
  if (place < place_) {
    place_ = 0;
    offset_ = count_ * lengths_bytes;
  }
  while (true) {
    const std::uint64_t lengths = load_word(bytes_.data() + place_ * lengths_bytes);
    const std::size_t body_size = lengths >> 32U;
    const std::size_t meta_size = lengths & 0xffff'ffffU;
    if (place_ == place) return {bytes_.substr(offset_, body_size), bytes_.substr(offset_ + body_size, meta_size)};
    offset_ += body_size + meta_size;
    ++place_;
  }
}

}  // namespace fanfold::sqlite
