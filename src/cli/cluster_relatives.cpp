#include "cli/cluster_relatives.hpp"

#include <algorithm>
#include <set>

namespace fanfold::cli {
namespace {

constexpr std::size_t relatives_page = 1'000;
/// By which clocks of machines may differ.
constexpr std::chrono::minutes clock_difference{5};

/// All clusters with a parent that are no older than `cluster`.
Result<std::vector<ClusterHeader>> list_younger_children(const Client& client, const ClusterHeader& cluster,
                                                         bool& is_cut) {
  std::vector<ClusterHeader> found;
  ClusterQuery query{.unfinished_only = false, .name = {}, .cursor = {}, .count_max = relatives_page};
  std::size_t looked_at = 0;
  do {
    auto page = client.list_clusters(query);
    if (!page) return std::move(page).error();
    for (ClusterHeader& header : page->clusters) {
      if (header.created_at + clock_difference < cluster.created_at) return found;
      ++looked_at;
      if (header.parent) found.push_back(std::move(header));
    }
    query.cursor = page->next_cursor;
    is_cut = !query.cursor.empty() && looked_at >= relatives_looked_at_max;
  } while (!query.cursor.empty() && !is_cut);
  return found;
}

/// Those below `id`, at any depth.
std::vector<ClusterHeader> children_of(const std::string& id, std::vector<ClusterHeader> candidates) {
  std::set<std::string, std::less<>> known{id};
  std::vector<ClusterHeader> children;
  for (bool has_more = true; has_more;) {
    const auto rest = std::stable_partition(candidates.begin(), candidates.end(), [&](const ClusterHeader& header) {
      return known.contains(header.parent->cluster_id);
    });
    has_more = rest != candidates.begin();
    for (auto child = candidates.begin(); child != rest; ++child) {
      known.insert(child->id);
      children.push_back(std::move(*child));
    }
    candidates.erase(candidates.begin(), rest);
  }
  return children;
}

}  // namespace

Result<ClusterRelatives> find_relatives(const Client& client, const ClusterHeader& cluster) {
  ClusterRelatives relatives;
  auto candidates = list_younger_children(client, cluster, relatives.is_cut);
  if (!candidates) return std::move(candidates).error();
  relatives.children = children_of(cluster.id, std::move(*candidates));
  std::optional<ParentTask> parent = cluster.parent;
  while (parent && relatives.parents.size() < parents_max) {
    auto header = client.cluster_header(MessageKey::of_message(parent->cluster_id));
    if (!header && header.error().code == ErrorCode::not_found) break;
    if (!header) return std::move(header).error();
    parent = header->parent;
    relatives.parents.push_back(std::move(*header));
  }
  return relatives;
}

}  // namespace fanfold::cli
