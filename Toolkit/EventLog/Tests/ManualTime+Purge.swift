import MartletEventLog
import MartletTesting

extension ManualTime {
    /// Lets the loop of a log run its next purge and two parts more, without another interval.
    func passPurge(_ limits: EventLogLimits) async {
        await waitForSleepers()
        advance(by: limits.purgeInterval)
        for _ in 0..<2 {
            await waitForSleepers()
            advance(by: limits.flushInterval)
        }
        await waitForSleepers()
    }
}
