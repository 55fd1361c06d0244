package import MartletCore

/// One step in the journal.
package struct JournalEntry: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case local, remote, undo, timer, signal, value
    }

    package enum State: String, Sendable, Hashable {
        /// Begun: a call may be in flight, a timer may be running. Goes to `done` or `refused`.
        case open
        case done
        case refused
    }

    /// From 0, in execution order.
    package let seq: Int
    package let step: String
    package internal(set) var kind: Kind
    let inputHash: String
    package internal(set) var state: State
    /// JSON: the result, the refusal, or an open timer's due time.
    package internal(set) var result: String?
    /// How often a look-up proved that nothing happened under the previous key; part of the key from 1 on.
    var generation: Int
    /// When the step was begun, by the database's clock; of one that was first written with its result, when that was.
    package internal(set) var at: Timestamp
}

/// The journal of one execution: recorded steps, the function's position, and unwritten entries.
struct Journal: Sendable {
    enum Visit: Equatable {
        /// The function reaches this step for the first time.
        case new(seq: Int)
        /// Begun in an earlier execution, and not known to be finished.
        case open(JournalEntry)
        case finished(JournalEntry)
    }

    let stepsLimit: Int
    private(set) var entries: [JournalEntry]
    private var position = 0
    private var names: Set<ExactText>
    private var unwrittenFrom: [Int] = []

    init(_ entries: [JournalEntry], stepsLimit: Int) {
        self.entries = entries
        self.stepsLimit = stepsLimit
        names = Set(entries.map { ExactText($0.step) })
    }

    /// The entries that the next journal transaction writes, by sequence.
    var unwritten: [JournalEntry] { unwrittenFrom.map { entries[$0] } }

    /// Whether the entry with this sequence is to be written; false when there is none.
    func isUnwritten(_ seq: Int) -> Bool { unwrittenFrom.contains(seq) }

    /// The first entry that the function did not reach.
    var leftover: JournalEntry? { position < entries.count ? entries[position] : nil }

    /// - Throws: ``JournalMismatch`` when the function deviates from the journal.
    mutating func visit(
        _ step: String,
        _ kind: JournalEntry.Kind,
        inputHash: String
    ) throws(JournalMismatch) -> Visit {
        guard position < entries.count else {
            guard position < stepsLimit else { throw JournalMismatch("more than \(stepsLimit) steps") }
            guard !names.contains(ExactText(step)) else {
                throw JournalMismatch("step \(step) occurs twice in the run")
            }
            defer { position += 1 }
            return .new(seq: position)
        }
        let entry = entries[position]
        guard ExactText(entry.step) == ExactText(step), entry.kind == kind else {
            throw JournalMismatch(
                "step \(position) is \(kind.rawValue) \(step), was \(entry.kind.rawValue) \(entry.step)"
            )
        }
        guard entry.inputHash == inputHash else { throw JournalMismatch("step \(step) has another input than before") }
        position += 1
        return entry.state == .open ? .open(entry) : .finished(entry)
    }

    /// Adds `entry`, to be written with the next journal transaction unless it `isWritten` already.
    mutating func record(_ entry: JournalEntry, isWritten: Bool) {
        precondition(entry.seq <= entries.count && entry.seq == position - 1)
        if entry.seq < entries.count { entries[entry.seq] = entry } else { entries.append(entry) }
        names.insert(ExactText(entry.step))
        if !isWritten, unwrittenFrom.last != entry.seq { unwrittenFrom.append(entry.seq) }
    }

    /// These entries are durable now in this form.
    mutating func wrote(_ written: [JournalEntry]) {
        unwrittenFrom.removeAll { seq in written.contains(entries[seq]) }
    }
}

/// The function does not match its journal: it was changed while the run was open, or it is not deterministic.
struct JournalMismatch: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
