/// A queue in which callers take turns, and each caller's elements wait in their order.
///
/// A caller with many waiting elements delays another one's next element by one of its own, and not by all of them.
package struct FairQueue<Element> {
    private var lines: [ExactText: [Element]] = [:]
    /// The callers that wait, the next one first.
    private var turns: [ExactText] = []
    /// How many elements of each caller wait.
    package private(set) var counts = CallerCounts()

    package init() {}

    package mutating func append(_ element: Element, of caller: ExactText) {
        if counts[caller] == 0 { turns.append(caller) }
        lines[caller, default: []].append(element)
        counts.add(caller)
    }

    /// Takes the first element of the first caller in turn that `mayGo`.
    ///
    /// Callers that may not go keep their turns.
    package mutating func next(where mayGo: (ExactText) -> Bool) -> (caller: ExactText, element: Element)? {
        guard let turn = turns.firstIndex(where: mayGo) else { return nil }
        let caller = turns.remove(at: turn)
        guard let element = lines[caller]?.removeFirst() else { return nil }
        counts.remove(caller)
        if counts[caller] > 0 { turns.append(caller) } else { lines[caller] = nil }
        return (caller, element)
    }

    /// Takes the first element of a caller for which `matches` holds; `nil` when none waits.
    package mutating func remove(of caller: ExactText, where matches: (Element) -> Bool) -> Element? {
        guard let index = lines[caller]?.firstIndex(where: matches) else { return nil }
        let element = lines[caller]?.remove(at: index)
        counts.remove(caller)
        if counts[caller] == 0 {
            lines[caller] = nil
            turns.removeAll { $0 == caller }
        }
        return element
    }

    /// Takes all elements, in the order in which they would have gone.
    package mutating func removeAll() -> [Element] {
        var elements: [Element] = []
        while let next = next(where: { _ in true }) { elements.append(next.element) }
        return elements
    }
}

extension FairQueue: Sendable where Element: Sendable {}
