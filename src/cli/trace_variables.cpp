#include "cli/trace_variables.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace fanfold::cli {
namespace {

struct TraceVariable {
  std::string_view prefix;
  std::string TraceContext::*text;
};
constexpr std::array<TraceVariable, 3> trace_variables{{{"TRACEPARENT=", &TraceContext::parent},
                                                        {"TRACESTATE=", &TraceContext::state},
                                                        {"_X_AMZN_TRACE_ID=", &TraceContext::aws_header}}};

bool is_of_a_trace(std::string_view variable) {
  return std::ranges::any_of(trace_variables,
                             [variable](const TraceVariable& one) { return variable.starts_with(one.prefix); });
}

}  // namespace

std::vector<char*> environment_with_trace(std::vector<std::string>& own, const std::vector<std::string>& given,
                                          const TraceContext& trace) {
  for (const TraceVariable& variable : trace_variables) {
    const std::string& text = trace.*variable.text;
    if (!text.empty()) own.push_back(std::string(variable.prefix) + text);
  }
  std::vector<char*> environment;
  environment.reserve(own.size() + given.size() + 1);
  for (std::string& variable : own) environment.push_back(variable.data());
  for (const std::string& variable : given) {
    if (!trace.empty() && is_of_a_trace(variable)) continue;
    environment.push_back(const_cast<char*>(variable.c_str()));  // exec does not write to them.
  }
  environment.push_back(nullptr);
  return environment;
}

}  // namespace fanfold::cli
