#pragma once

#include "metrics/prometheus_text.hpp"

#include <fanfold/backends/aws.hpp>

namespace fanfold::cli {

/// What this process has called on AWS since it began, and what its store on AWS has used, which was opened with this
/// `usage`. Nothing in a build without AWS.
void write_aws_metrics(metrics::PrometheusText& text, const aws::Usage& usage);

}  // namespace fanfold::cli
