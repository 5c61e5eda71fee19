#pragma once

#include "cli/subprocess.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fanfold::cli {

/// Which attempt of a task prints into a file.
struct ResultAttempt {
  std::uint64_t index = 0;
  std::uint32_t round = 0;
  std::uint32_t attempt = 0;
};

/// The file into which one attempt of a task prints. It gets its name (the task's index) when the attempt succeeded, so
/// that a file with such a name is always whole. Removed by the destructor otherwise.
class ResultFile {
 public:
  /// Earlier attempts of the round can keep nothing from here on: whoever holds one came too late.
  /// Errors: those of the file system.
  [[nodiscard]] static Result<ResultFile> open(const std::filesystem::path& folder, const ResultAttempt& attempt);
  ResultFile(ResultFile&& other) noexcept;
  ResultFile& operator=(ResultFile&&) = delete;
  ~ResultFile();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  enum class Safety : std::uint8_t {
    later,  ///< A power cut may take it, or its end: the store has what it holds, or ResultFolder::settle follows.
    now     ///< It is on the disk before the call returns.
  };
  /// Gives the file its name, replacing an older one. Errors: those of the file system, not_found where a later attempt
  /// has begun.
  [[nodiscard]] Result<void> keep(Safety safety);
  /// Copies the file's beginning into what is kept of the attempt, as if it had been captured.
  void show(ChildEnd& end) const;

 private:
  friend Result<void> restore_result(const std::filesystem::path& folder, std::uint64_t index, std::string_view bytes);
  ResultFile(int descriptor, std::filesystem::path temporary, std::filesystem::path final_name);
  [[nodiscard]] static Result<ResultFile> create(std::filesystem::path temporary, std::filesystem::path final_name,
                                                 int flags);
  int descriptor_;
  std::filesystem::path temporary_;
  std::filesystem::path final_;
  bool kept_ = false;
};

/// Whose a folder of results is: a file's name is an index in this list.
struct ResultOwner {
  std::string list{};  ///< The key of the list's cluster.
  std::string job{};   ///< The hash of the job; empty where an older fanfold wrote it.
  std::string name{};  ///< The job's, for people.
};

/// A folder of results belongs to one job, and its files to one list of it. The folder says to which, and is held for
/// it by a lock as long as this object lives; any number of processes with the same list hold it together. No file of
/// a result is ever removed.
class ResultFolder {
 public:
  /// Holds nothing.
  ResultFolder() = default;
  /// Makes whole what a power cut left of the results of this list.
  using Repair = std::function<Result<void>(const std::string& list)>;
  /// Where the folder was another list's of the same job, its files are put aside until `adopt`. Where the machine went
  /// down before `settle`, `repair` is called first, by each start that finds it so. Nothing waits for a disk where the
  /// folder was this list's and is whole.
  /// Errors: invalid_argument where it holds results of another job, or files of such names that are no results of
  /// fanfold's, or another list's run is writing into it now; those of the file system and of `repair`.
  [[nodiscard]] static Result<ResultFolder> open(const std::filesystem::path& folder, const ResultOwner& owner,
                                                 const Repair& repair);
  ResultFolder(ResultFolder&& other) noexcept;
  ResultFolder& operator=(ResultFolder&& other) noexcept;
  ~ResultFolder();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_; }
  /// Before the first write into the folder: from here on, until `settle`, a power cut may take what is written there.
  /// Blocks for the disk, the first time. Errors: those of the file system.
  [[nodiscard]] Result<void> mark();
  /// Writes a whole file for `index`, replacing an older one. Errors: those of the file system.
  [[nodiscard]] Result<void> restore(std::uint64_t index, std::string_view bytes);

  /// The list whose files were put aside; empty where none were.
  [[nodiscard]] const std::string& former_list() const noexcept { return former_; }
  struct Move {
    std::uint64_t former_index;
    std::uint64_t index;
  };
  /// What was put aside and had no new index.
  struct Kept {
    std::filesystem::path folder{};
    std::uint64_t count = 0;
  };
  /// Takes over what is a result of this list, too, and what was kept of it when it was the folder's list before. What
  /// else was put aside is kept in a folder of its own. Errors: those of the file system.
  [[nodiscard]] Result<Kept> adopt(const std::vector<Move>& moves) const;

  /// Blocks until all that is in the folder is on the disk; not where nobody has marked it. The last call: the folder
  /// is held no more. Errors: those of the file system.
  [[nodiscard]] Result<void> settle() const;

 private:
  [[nodiscard]] Result<void> settle_former(const std::string& list, const Repair& repair) const;

  int lock_ = -1;
  std::filesystem::path folder_;
  std::string list_;
  std::string former_;
  bool is_marked_ = false;  // By this object.
};

/// Nothing to do where `folder` is empty. Errors: those of the file system.
[[nodiscard]] Result<void> make_result_folder(const std::filesystem::path& folder);

/// Writes a whole file for `index`, replacing an older one. Errors: those of the file system.
[[nodiscard]] Result<void> restore_result(const std::filesystem::path& folder, std::uint64_t index,
                                          std::string_view bytes);
[[nodiscard]] bool has_result(const std::filesystem::path& folder, std::uint64_t index);
/// Whether the file is there, with as many bytes or more.
[[nodiscard]] bool has_result_of(const std::filesystem::path& folder, std::uint64_t index, std::uint64_t bytes);

/// Removes what attempts left behind that were killed, in rounds before this one: whoever still prints into such a file
/// comes too late. Those of later rounds are somebody's who works.
void remove_unfinished_results(const std::filesystem::path& folder, std::uint32_t round_end);

}  // namespace fanfold::cli
