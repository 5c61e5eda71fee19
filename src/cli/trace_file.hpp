#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// A file of JSON objects in an array, one a line, that is a whole array after every write, so that it is valid however
/// the process ends: the closing bracket is written with each object and overwritten by the next. A kill in the middle
/// of a write may leave the last line cut, which readers of traces take. What is no regular file (a pipe) gets its
/// bracket at the end. Thread-safe; writes block as the file does, on a pipe for at
/// most 5 s.
class TraceFile {
 public:
  struct Options {
    std::string path{};
    /// A file that is there is replaced where it is empty or its first object begins so: it is one of ours.
    std::string_view first_object_begin{};
    /// Told why nothing more is written, once, from the thread that wrote.
    std::function<void(const Error& error)> failed{};
    std::uint64_t bytes_max = std::uint64_t{1} << 30U;  ///< Nothing is written beyond: viewers take no larger ones.
  };
  /// Makes or replaces the file. Errors: invalid_argument where it is somebody else's; conflict where another process
  /// writes it; those of opening it.
  [[nodiscard]] static Result<TraceFile> open(Options options);
  TraceFile(TraceFile&& other) noexcept;
  TraceFile& operator=(TraceFile&&) = delete;
  ~TraceFile();

  void write(std::string_view object);

 private:
  TraceFile(Options options, int descriptor, bool is_regular)
      : options_(std::move(options)), descriptor_(descriptor), is_regular_(is_regular) {}
  [[nodiscard]] Result<void> append(std::string_view object);
  [[nodiscard]] Result<void> take_over() const;
  [[nodiscard]] bool is_ours(std::string_view beginning) const;
  [[nodiscard]] Error error_of(int number) const;

  Options options_;
  int descriptor_;
  bool is_regular_;
  std::mutex mutex_;
  std::uint64_t bytes_ = 0;       // guarded by mutex_, as is the file; without the closing bracket
  bool has_failed_ = false;       // guarded by mutex_
  bool has_lost_reader_ = false;  // guarded by mutex_; a write failed
};

}  // namespace fanfold::cli
