/// The JSON text of one value, written in one pass into one buffer, with the containers that are open.
///
/// Members of an object are written in the order of the calls and put into the order of their names when the object
/// ends. Whatever is not written here in the form of Foundation's encoder is refused, see ``StoredJSON``.
final class JSONOutput {
    /// Open values and containers at one time; more are refused.
    static let levelsLimit = 64

    /// A container or value of a `JSONOutput`: it stays distinguishable after its end.
    struct Place {
        fileprivate let level: Int32
        fileprivate let serial: Int32

        /// Of what was refused.
        static let none = Place(level: -1, serial: -1)
    }

    enum State {
        /// Nothing is written yet.
        ///
        /// Goes to any other.
        case empty
        /// Members can follow.
        case object
        /// Elements can follow.
        case array
        /// A value that is no container is written.
        case done
    }

    private struct Level {
        var state: State
        /// Ends when the `encode(to:)` returns to which it was handed; a nested container ends when its parent continues.
        let isValue: Bool
        let serial: Int32
        /// Of an object: the index of its first in `members`.
        var firstMember = 0
        /// Of an array.
        var elements = 0
    }

    private struct Member {
        /// The offset of its name's quote.
        let start: Int
        let nameCount: Int
        /// The offset behind its value.
        var end = 0
    }

    /// Once something was refused, the text is not used.
    private(set) var isRefused = false
    private(set) var count = 0
    private var capacity: Int
    private var bytes: UnsafeMutablePointer<UInt8>
    private let levels: UnsafeMutablePointer<Level>
    private var depth = 0
    private var serial: Int32 = 0
    /// Those of all open objects, of the outermost first.
    private var members: UnsafeMutablePointer<Member>
    private var memberCount = 0
    private var memberCapacity = 32

    init() {
        capacity = 1_024
        bytes = .allocate(capacity: capacity)
        levels = .allocate(capacity: Self.levelsLimit)
        members = .allocate(capacity: memberCapacity)
    }

    deinit {
        bytes.deallocate()
        levels.deallocate()
        members.deallocate()
    }

    func refuse() -> JSONRefused {
        isRefused = true
        return JSONRefused()
    }

    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        try body(UnsafeBufferPointer(start: bytes, count: count))
    }
}

/// Thrown to end a pass whose result is not used.
struct JSONRefused: Error {}

// MARK: Bytes

extension JSONOutput {
    /// Space for `more` bytes behind the last one, which ``advance(by:)`` then counts.
    func reserve(_ more: Int) -> UnsafeMutablePointer<UInt8> {
        if count + more > capacity { grow(to: count + more) }
        return bytes + count
    }

    func advance(by more: Int) { count += more }

    private func grow(to least: Int) {
        capacity = max(least, 2 * capacity)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: bytes, count: count)
        bytes.deallocate()
        bytes = larger
    }

    func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        count += 1
    }
}

// MARK: Places

extension JSONOutput {
    /// Writes `value` where a value is due: within a container, or as the whole text.
    func encode<Value: Encodable>(_ value: Value) throws {
        if StoredJSON.isLeftToFoundation(Value.self) { throw refuse() }
        let place = push(.empty, isValue: true)
        // After an error the value stays open, so that whatever follows is refused.
        try value.encode(to: StoredEncoder(output: self, place: place))
        guard unwind(to: place) else { throw refuse() }
        if levels[depth - 1].state == .empty {
            // What encodes nothing is an error as a whole text, and an empty object elsewhere.
            if depth == 1 { throw refuse() }
            append(UInt8(ascii: "{"))
            append(UInt8(ascii: "}"))
        }
        closeInnermost()
    }

    /// Makes the value at `place` one without a container, which is written next.
    func begin(_ place: Place) throws {
        guard unwind(to: place), levels[depth - 1].state == .empty else { throw refuse() }
        levels[depth - 1].state = .done
    }

    /// Makes the value at `place` an object or an array, or continues with it.
    func open(_ state: State, at place: Place) -> Place {
        guard unwind(to: place) else {
            isRefused = true
            return .none
        }
        if levels[depth - 1].state == .empty { start(state) }
        if levels[depth - 1].state != state { isRefused = true }
        return place
    }

    /// Opens an object or an array where a value is due.
    func nest(_ state: State) -> Place {
        let place = push(.empty, isValue: false)
        start(state)
        return place
    }

    /// Writes a name, and what separates it, into the object at `place`, which becomes the innermost container.
    func name(_ name: String, at place: Place) throws {
        guard unwind(to: place), levels[depth - 1].state == .object else { throw refuse() }
        if memberCount > levels[depth - 1].firstMember {
            members[memberCount - 1].end = count
            append(UInt8(ascii: ","))
        }
        let start = count
        guard let nameCount = plainName(name) else { throw refuse() }
        if memberCount == memberCapacity { growMembers() }
        (members + memberCount).initialize(to: Member(start: start, nameCount: nameCount))
        memberCount += 1
    }

    private func growMembers() {
        memberCapacity *= 2
        let larger = UnsafeMutablePointer<Member>.allocate(capacity: memberCapacity)
        larger.moveInitialize(from: members, count: memberCount)
        members.deallocate()
        members = larger
    }

    /// Writes what separates elements into the array at `place`, which becomes the innermost container.
    func element(at place: Place) throws {
        guard unwind(to: place), levels[depth - 1].state == .array else { throw refuse() }
        if levels[depth - 1].elements > 0 { append(UInt8(ascii: ",")) }
        levels[depth - 1].elements += 1
    }

    /// Of the array at `place`.
    func elements(at place: Place) -> Int {
        guard isOpen(place) else {
            isRefused = true
            return 0
        }
        return levels[Int(place.level)].elements
    }

    /// Whether the value at `place` has no bytes yet.
    func isEmpty(_ place: Place) -> Bool { isOpen(place) && levels[Int(place.level)].state == .empty }

    private func isOpen(_ place: Place) -> Bool {
        place.level >= 0 && place.level < depth && levels[Int(place.level)].serial == place.serial
    }

    /// Ends the nested containers within `place`; `false` when it has ended, or another value is being written.
    private func unwind(to place: Place) -> Bool {
        guard isOpen(place), !isRefused else { return false }
        while depth - 1 > place.level {
            if levels[depth - 1].isValue { return false }
            closeInnermost()
        }
        return true
    }

    private func push(_ state: State, isValue: Bool) -> Place {
        guard depth < Self.levelsLimit else {
            isRefused = true
            return .none
        }
        serial += 1
        (levels + depth).initialize(to: Level(state: state, isValue: isValue, serial: serial))
        depth += 1
        return Place(level: Int32(depth - 1), serial: serial)
    }

    private func start(_ state: State) {
        guard !isRefused else { return }
        levels[depth - 1].state = state
        levels[depth - 1].firstMember = memberCount
        append(state == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
    }

    private func closeInnermost() {
        depth -= 1
        switch levels[depth].state {
        case .empty, .done: break
        case .array: append(UInt8(ascii: "]"))
        case .object:
            sortMembers(from: levels[depth].firstMember)
            append(UInt8(ascii: "}"))
        }
    }
}

// MARK: Names

extension JSONOutput {
    /// Writes a name of printable ASCII, with its colon, and returns its length.
    ///
    /// `nil` for other names: Foundation takes those for equal that have the same characters in other bytes.
    private func plainName(_ name: String) -> Int? {
        var name = name
        return name.withUTF8 { name in
            let place = reserve(name.count + 3)
            place[0] = UInt8(ascii: "\"")
            if let start = name.baseAddress {
                guard JSONBytes.isPlainASCII(start, count: name.count) else { return nil }
                (place + 1).update(from: start, count: name.count)
            }
            place[name.count + 1] = UInt8(ascii: "\"")
            place[name.count + 2] = UInt8(ascii: ":")
            advance(by: name.count + 3)
            return name.count
        }
    }

    /// Puts the members of the innermost object into the order of the bytes of their names, and forgets them.
    ///
    /// A name that is there twice is refused: for Foundation the last one replaces the others.
    private func sortMembers(from first: Int) {
        var added = UnsafeMutableBufferPointer(start: members + first, count: memberCount - first)
        memberCount = first
        guard added.count > 1 else { return }
        added[added.count - 1].end = count
        if (1..<added.count).allSatisfy({ isBefore(added[$0 - 1], added[$0]) }) { return }
        let start = added[0].start
        added.sort(by: isBefore)
        for index in 1..<added.count where !isBefore(added[index - 1], added[index]) { isRefused = true }
        rewrite(added, at: start)
    }

    private func rewrite(_ members: UnsafeMutableBufferPointer<Member>, at start: Int) {
        // The free bytes behind the text have the copy.
        let copy = reserve(count - start)
        copy.update(from: bytes + start, count: count - start)
        var target = bytes + start
        for (index, member) in members.enumerated() {
            if index > 0 {
                target.pointee = UInt8(ascii: ",")
                target += 1
            }
            target.update(from: copy + (member.start - start), count: member.end - member.start)
            target += member.end - member.start
        }
    }

    private func isBefore(_ left: Member, _ right: Member) -> Bool {
        let (first, second) = (bytes + left.start + 1, bytes + right.start + 1)
        for index in 0..<min(left.nameCount, right.nameCount) where first[index] != second[index] {
            return first[index] < second[index]
        }
        return left.nameCount < right.nameCount
    }
}
