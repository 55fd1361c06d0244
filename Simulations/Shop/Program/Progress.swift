import Foundation
import MartletCore

/// One line at the terminal with the progress of a long run.
struct Progress {
    private static let width = 30

    private let count: Int
    private let isShown: Bool
    private let start = SystemTime().now

    init(of count: Int, isShown: Bool) {
        self.count = count
        self.isShown = isShown
    }

    func show(_ done: Int, found: Int) {
        guard isShown else { return }
        let seconds = Double((SystemTime().now - start).milliseconds) / 1_000
        let rate = Double(done) / max(seconds, 0.001)
        let left = Int(Double(count - done) / max(rate, 0.001))
        let filled = Self.width * done / count
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: Self.width - filled)
        let line =
            "\r[\(bar)] \(done) of \(count) worlds, \(Int(rate)) each second, \(left) s left, \(found) violations "
        FileHandle.standardError.write(Data(line.utf8))
    }

    func end() { if isShown { FileHandle.standardError.write(Data("\n".utf8)) } }
}
