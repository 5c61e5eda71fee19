#pragma once

#include "backends/aws/bulk.hpp"

#include <fanfold/cluster_header.hpp>

#include <map>
#include <memory>
#include <mutex>

namespace fanfold::aws {

/// Which task indexes the positions of a later round mean: sorted lists, in pages of the table. Thread-safe; calls
/// block.
class Rounds {
 public:
  static constexpr std::size_t page_count = 8'192;  ///< Indexes per page.

  /// Both outlive this object.
  Rounds(Table& table, Clock& clock) : table_(table), clock_(clock) {}

  struct List {
    std::uint32_t round = 0;
    std::string hash{};
    std::uint64_t size = 0;
    std::vector<std::uint64_t> firsts{};  ///< First index of each page.
  };

  /// If absent. Errors: conflict where other indexes are stored under this round and hash.
  Result<void> put(std::string_view cluster_id, std::uint32_t round, std::string_view hash,
                   std::span<const std::uint64_t> indexes, std::uint64_t ttl);
  /// Notes for good which list won this round.
  Result<void> note_winner(const ClusterHeader& header);

  /// The list of one round, at most the header's. Errors: not_found.
  Result<List> list(const ClusterHeader& header, std::uint32_t round);
  /// Of all later rounds, oldest first.
  Result<std::vector<List>> lists(const ClusterHeader& header);

  Result<std::vector<std::uint64_t>> read(std::string_view cluster_id, const List& list, std::uint64_t first_position,
                                          std::size_t count);
  /// The positions whose indexes are in [first, first + count), and those indexes.
  struct Member {
    std::uint64_t position = 0;
    std::uint64_t index = 0;
  };
  Result<std::vector<Member>> find(std::string_view cluster_id, const List& list, std::uint64_t first_index,
                                   std::uint64_t count);

  Result<void> remove(const ClusterHeader& header);

 private:
  Result<List> read_list(std::string_view cluster_id, std::uint32_t round, std::string_view hash);
  Result<std::vector<std::uint64_t>> read_page(std::string_view cluster_id, const List& list, std::uint64_t page);

  Table& table_;
  Clock& clock_;
};

}  // namespace fanfold::aws
