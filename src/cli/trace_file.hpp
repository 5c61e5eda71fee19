#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// Why an attempt failed, as a trace has it: UTF-8, and not too long.
[[nodiscard]] std::string traced_reason(std::string_view reason);

/// A file of JSON objects in an array, one a line, that is a whole array after every write, so that it is valid however
/// the process ends: the closing bracket is written with each object and overwritten by the next. A kill in the middle
/// of a write may leave the last line cut, which readers of traces take. What is no regular file (a pipe) gets its
/// bracket at the end. Thread-safe; writes block as the file does, on a pipe for at
/// most 5 s.
class TraceFile {
 public:
  struct Options {
    std::string path{};
    std::string_view option = "--trace";  ///< What named the path, for messages.
    /// A file that is there is replaced where it is empty or its first object begins so: it is one of ours.
    std::string_view first_object_begin{};
    /// Told why nothing more is written, once, from the thread that wrote.
    std::function<void(const Error& error)> failed{};
    std::uint64_t bytes_max = std::uint64_t{1} << 30U;  ///< Nothing is written beyond: viewers take no larger ones.
  };
  static constexpr std::string_view array_begin = "[\n";
  static constexpr std::string_view separator = ",\n";
  static constexpr std::string_view array_end = "\n]\n";

  /// Makes the file, or replaces what is there with the first write. Errors: invalid_argument where it is somebody
  /// else's; conflict where another process writes it; those of opening it.
  [[nodiscard]] static Result<TraceFile> open(Options options);
  TraceFile(TraceFile&& other) noexcept;
  TraceFile& operator=(TraceFile&&) = delete;
  ~TraceFile();

  void write(std::string_view object);
  /// For what is not to be left half written: removes the file, or leaves what was there before the first write. The
  /// last call.
  void discard();
  /// Without the brackets.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  TraceFile(Options options, int descriptor, bool is_regular)
      : options_(std::move(options)), descriptor_(descriptor), is_regular_(is_regular) {}
  [[nodiscard]] Result<void> append(std::string_view object);
  [[nodiscard]] Result<void> take_over();
  [[nodiscard]] bool is_ours(std::string_view beginning) const;
  [[nodiscard]] Error error_of(int number) const;

  Options options_;
  int descriptor_;
  bool is_regular_;
  bool was_empty_ = true;
  mutable std::mutex mutex_;
  bool has_begun_ = false;        // guarded by mutex_, as is the file; what was there before is gone
  std::uint64_t bytes_ = 0;       // guarded by mutex_; without the closing bracket
  bool has_failed_ = false;       // guarded by mutex_
  bool has_lost_reader_ = false;  // guarded by mutex_; a write failed
};

}  // namespace fanfold::cli
