import Console

/// What a restore has done, and what it could not recover.
struct RestoreReport: Encodable {
    /// Sequences of one key.
    struct Range: Encodable {
        let source: String
        let topic: String
        let key: String
        let epoch: Int
        let first: Int64
        let last: Int64
        /// The group that has not handled them; `nil` for events that a restored publisher has forgotten.
        let group: String?
    }

    /// Ranges of one list; further ones are counted.
    static let rangesLimit = 10_000

    let restored: String
    /// Where the files that were in place are now.
    var setAside: [String] = []
    /// The epoch that the service's events begin; `nil` for the log.
    var epoch: Int?
    /// The services that publish again what they hold.
    var resends: [String] = []
    /// Events that are in the log and not in the restored database of their publisher: consumers may have handled them.
    var forgotten: [Range] = []
    /// Events that no database holds and that a group has not handled.
    var lost: [Range] = []
    /// Ranges beyond the limit.
    var unlisted = 0

    mutating func addLost(_ range: Range) {
        if lost.count < Self.rangesLimit { lost.append(range) } else { unlisted += 1 }
    }

    mutating func addForgotten(_ range: Range) {
        if forgotten.count < Self.rangesLimit { forgotten.append(range) } else { unlisted += 1 }
    }

    func write(to terminal: Terminal) {
        terminal.line("restored \(restored)")
        for file in setAside { terminal.line("set aside: \(file)") }
        if let epoch { terminal.line("its events begin the epoch \(epoch), its groups go back at the next start") }
        for service in resends { terminal.line("\(service) publishes again what it holds") }
        if lost.isEmpty { terminal.line("no event is lost that a group has not handled") }
        for (title, ranges) in [("lost", lost), ("forgotten by its publisher", forgotten)] where !ranges.isEmpty {
            terminal.line("\(title):")
            var table = TextTable("SOURCE", "TOPIC", "KEY", "EPOCH", "SEQUENCES", "GROUP")
            for range in ranges {
                table.add(
                    "\(range.source)",
                    "\(range.topic)",
                    "\(range.key)",
                    "\(range.epoch)",
                    "\(range.first)-\(range.last)",
                    "\(range.group ?? "")"
                )
            }
            table.write(to: terminal)
        }
        if unlisted > 0 { terminal.line("and \(unlisted) more ranges") }
    }
}
