//! A line as Canton's logging writes it.

use std::thread;

use jiff::Timestamp as Moment;
use strongroom_crypto::Timestamp;
use strongroom_kms::{AuditFrame, AuditLine, AuditSeverity};

/// What stands where Canton has its logger and the node: the logger's name as Canton abbreviates it, and our name of the KMS.
#[derive(Debug)]
pub(super) struct Logger {
    class: &'static str,
    kms: String,
}

impl Logger {
    pub(super) fn new(frame: &AuditFrame, kms: &str) -> Self {
        Self {
            class: match frame {
                AuditFrame::Aws { .. } => "c.d.c.c.k.a.a.AwsRequestResponseLogger",
                AuditFrame::Gcp => "c.d.c.c.k.g.a.GcpRequestResponseLogger",
            },
            kms: kms.to_owned(),
        }
    }

    pub(super) fn kms(&self) -> &str {
        &self.kms
    }

    /// `date [thread] level logger:context tid:trace - message`, and what went wrong on a line below, where Canton has the
    /// exception. The date is in UTC, to the millisecond; `tid:` is left out without a trace.
    pub(super) fn line(&self, now: Timestamp, line: &AuditLine) -> String {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("-");
        let level = match line.severity {
            AuditSeverity::Info => "INFO ",
            AuditSeverity::Warn => "WARN ",
        };
        let (class, kms) = (self.class, &self.kms);
        let trace = line.trace_id.as_deref();
        let trace = trace.map(|id| format!(" tid:{id}")).unwrap_or_default();
        let error = line.error.as_deref();
        let error = error.map(|text| format!("{text}\n")).unwrap_or_default();
        let (date, message) = (written(now, "%Y-%m-%d %H:%M:%S,%3f"), &line.message);
        format!("{date} [{thread}] {level} {class}:kms={kms}{trace} - {message}\n{error}")
    }
}

/// A moment in UTC, in this form.
pub(super) fn written(now: Timestamp, form: &str) -> String {
    // Canton's times end long before the calendar does.
    let moment = Moment::from_microsecond(now.as_micros()).unwrap_or(Moment::MAX);
    moment.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(severity: AuditSeverity, error: Option<&str>, trace_id: Option<&str>) -> String {
        let line = AuditLine {
            severity,
            message: "Request [0123456789abcdef] failed.".to_owned(),
            error: error.map(str::to_owned),
            trace_id: trace_id.map(str::to_owned),
        };
        let endpoint = "https://kms.example/".to_owned();
        let logger = Logger::new(&AuditFrame::Aws { endpoint }, "cloud");
        logger.line(Timestamp::from_micros(1_694_533_494_426_999), &line)
    }

    #[test]
    fn a_line_has_the_form_of_cantons() {
        let thread = thread::current();
        let thread = thread.name().unwrap();
        let trace = "40d47592f1bd50f37e6804fbdff404dd";
        let (info, warn) = (AuditSeverity::Info, AuditSeverity::Warn);
        let logger = "c.d.c.c.k.a.a.AwsRequestResponseLogger:kms=cloud";
        let date = "2023-09-12 15:44:54,426";
        let said_so = "Request [0123456789abcdef] failed.";
        assert_eq!(
            said(info, None, Some(trace)),
            format!("{date} [{thread}] INFO  {logger} tid:{trace} - {said_so}\n")
        );
        assert_eq!(
            said(warn, Some("KMS_THROTTLED: too much"), None),
            format!("{date} [{thread}] WARN  {logger} - {said_so}\nKMS_THROTTLED: too much\n")
        );
    }
}
