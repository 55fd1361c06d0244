import Console
import MartletCore
import Synchronization

/// Shows progress, rate and estimated remaining time.
final class ProgressBar: Sendable {
    private static let width = 30
    private static let redrawInterval = Duration.milliseconds(200)

    private let terminal: Terminal
    private let title: String
    private let time: any TimeSource
    private let started: Moment
    private let drawn: Mutex<Moment?>

    init(_ title: String, terminal: Terminal, time: any TimeSource) {
        self.terminal = terminal
        self.title = title
        self.time = time
        started = time.now
        drawn = Mutex(nil)
    }

    /// Draws at most once per ``redrawInterval``, and always at the end.
    func show(_ done: Int, of total: Int) {
        let now = time.now
        let isDue = drawn.withLock { drawn in
            if let drawn, now - drawn < Self.redrawInterval, done < total { return false }
            drawn = now
            return true
        }
        guard isDue else { return }
        terminal.progress(Self.text(title, done, of: total, after: now - started))
    }

    static func text(_ title: String, _ done: Int, of total: Int, after elapsed: Duration) -> String {
        let part = total == 0 ? 1 : Double(done) / Double(total)
        let filled = Int(part * Double(width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
        let seconds = Double(elapsed.milliseconds) / 1_000
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let left = rate > 0 ? Int(Double(total - done) / rate) : 0
        return "\(title) \(bar) \(done)/\(total)  \(Int(rate))/s  \(left / 60) min \(left % 60) s left"
    }

    func end() { if terminal.showsProgress { terminal.note("") } }
}
