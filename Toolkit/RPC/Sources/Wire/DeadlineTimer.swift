import MartletCore
import NIOCore

/// Ends calls whose deadline has passed.
///
/// Confined to one event loop; when the event loop's timer fires, the injected clock is read again.
final class DeadlineTimer<Call> {
    private let loop: any EventLoop
    private let time: any TimeSource
    private let expire: (Call) -> Void
    private var sweep = DeadlineSweep()
    private var calls: [UInt64: Call] = [:]
    private var last: UInt64 = 0
    private var timer: Scheduled<Void>?

    init(loop: any EventLoop, time: any TimeSource, expire: @escaping (Call) -> Void) {
        self.loop = loop
        self.time = time
        self.expire = expire
    }

    var now: Moment { time.now }

    /// - Returns: The number under which the call is removed.
    func add(_ call: Call, until deadline: Moment) -> UInt64 {
        last += 1
        calls[last] = call
        if let moment = sweep.add(last, until: deadline) { arm(moment) }
        return last
    }

    func remove(_ number: UInt64) {
        sweep.remove(number)
        calls[number] = nil
    }

    func stop() {
        timer?.cancel()
        timer = nil
        calls = [:]
        sweep = DeadlineSweep()
    }

    private func arm(_ moment: Moment) {
        timer?.cancel()
        let delay = max(0, (moment - time.now).nanosecondsClamped)
        timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) { self.fire() }
    }

    private func fire() {
        timer = nil
        let (expired, next) = sweep.fire(at: time.now)
        let late = expired.compactMap { calls.removeValue(forKey: $0) }
        if let next { arm(next) }
        for call in late { expire(call) }
    }
}
