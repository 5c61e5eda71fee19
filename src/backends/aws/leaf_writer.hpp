#pragma once

#include "backends/aws/node.hpp"
#include "backends/aws/table.hpp"
#include "backends/aws/tree.hpp"

#include <fanfold/ports/clock.hpp>
#include <fanfold/ports/ledger.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace fanfold::aws {

/// Where a cell is: a leaf of a tree, or a single message's state.
struct LeafTarget {
  ItemKey key{};
  std::optional<NodeRef> node{};  ///< Empty for a single message: its item has to be there already.
  std::uint64_t ttl = 0;          ///< For a leaf that comes into being.
};

/// One request on one cell. What it points to outlives the call of LeafWriter::run.
struct CellOperation {
  unsigned slot = 0;
  Time now{};
  // One of the three.
  const ClaimRequest* claim = nullptr;
  const EndRequest* end = nullptr;
  const Lease* lease = nullptr;
  Time lease_end{};               ///< Of the extension.
  std::uint64_t fresh_token = 0;  ///< Written by ends that have no token of their own.
  /// What the cell is believed to hold, so that it can be written without a look. Empty: look first.
  std::optional<Cell> assumed{};

  // The outcome, where there is no error.
  std::optional<Error> error{};
  ClaimAnswer answer{};
  EndOutcome outcome = EndOutcome::missing;
  bool holds = false;     ///< The lease was extended.
  Cell cell{};            ///< As it now is, where the operation succeeded.
  std::uint64_t ttl = 0;  ///< Of the leaf, where it was seen.
};

/// What the operation's end makes of a cell.
[[nodiscard]] EndDecision end_of(const CellOperation& operation, const Cell& cell, std::string_view child_id, Time now);

/// The operations of one call on one leaf.
struct LeafCall {
  LeafTarget target{};
  std::vector<CellOperation> operations{};
};

/// Whether threads of one process that write the same leaf at the same moment wait for each other.
enum class Combining : std::uint8_t {
  threads,
  none  ///< For simulations that run one thread at a time.
};

/// Writes cells: one UpdateItem for what one call, or several threads at the same moment, want of one leaf. A conflict
/// tells what is there; what it does not concern is written again without the rest, which is decided anew. Full leaves
/// are handed up before anybody learns that they are. Thread-safe; calls block.
class LeafWriter {
 public:
  /// How long operations on a leaf that is being written wait for others of the same leaf to join them.
  static constexpr std::chrono::microseconds gather_time{500};
  /// How often one leaf is written for the same operations before they are given up as `conflict`.
  static constexpr std::size_t write_count_max = 16;

  /// All three outlive this object.
  LeafWriter(Table& table, Tree& tree, Clock& clock, Combining combining)
      : table_(table), tree_(tree), clock_(clock), combining_(combining) {}

  /// The answer lists the clusters that this finished, each told to one caller alone.
  std::vector<ClusterHeader> run(std::span<LeafCall> calls);

 private:
  /// One call that waits for others to write for it.
  struct Waiter {
    std::condition_variable ready;
    std::size_t open_count = 0;
  };
  /// Calls whose operations on one leaf go together.
  struct Group {
    std::vector<LeafCall*> members{};
    std::vector<Waiter*> waiters{};  ///< Of the members that others lead.
  };
  struct LeafState {
    std::size_t in_flight_count = 0;
    std::shared_ptr<Group> gathering{};  ///< Shared by the leader, which takes it away when it departs, and the map.
  };
  struct Flight;
  class Departure;

  std::vector<ClusterHeader> run_with_others(std::span<LeafCall> calls);
  std::vector<ClusterHeader> write(std::span<Flight> flights);
  void fly(std::span<Flight> flights);
  void look(std::span<Flight> flights);
  void hand_up(Flight& flight, std::vector<ClusterHeader>& finished);

  Table& table_;
  Tree& tree_;
  Clock& clock_;
  const Combining combining_;
  std::mutex mutex_;
  std::condition_variable landed_;
  std::unordered_map<std::string, LeafState> leaves_;  // Those being written now. Guarded by mutex_.
};

}  // namespace fanfold::aws
