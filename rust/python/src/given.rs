//! Arrays that a prepared layer is given for one call, instead of its own.
//!
//! In: objects, and how the arrays that were checked lie. Out: borrowed arrays of the same shapes, or `None` where one
//! of them cannot stand for what was checked. It computes nothing.

use crate::memory::{Array, Reading, Writing};
use bnns_lstm::binding::{DataFields, Lent, LentMut, Strided};
use pyo3::prelude::*;
use std::ops::Range;

/// The arrays of a data descriptor: sequence, hidden state, cell state.
pub(crate) type Three<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// How an array of a call may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// One element behind the other in C order.
    InOrder,
    /// With any strides: what was checked had gaps.
    AnyStrides,
}

/// An array that stands for one that was checked.
#[derive(Debug)]
pub(crate) struct Given<'py> {
    array: Array<'py>,
    rule: Rule,
    /// Its addresses; `None` where an element stands for several.
    span: Option<Range<usize>>,
}

/// The arrays of a data descriptor that are given.
pub(crate) type GivenFields<'py> = DataFields<Option<Given<'py>>>;

/// A given array that is read.
pub(crate) struct GivenReading<'a, 'py>(Reading<'a, 'py, f32>, Rule);

/// A given array that is written.
pub(crate) struct GivenWriting<'a, 'py>(Writing<'a, 'py, f32>, Rule);

/// The addresses of elements.
pub(crate) fn span_of(elements: &[f32]) -> Range<usize> {
    let Range { start, end } = elements.as_ptr_range();
    start.addr()..end.addr()
}

/// Whether others can stand for an array that lies so.
pub(crate) fn takes_others(planned: &Strided) -> bool {
    rule(planned).is_some()
}

fn rule(planned: &Strided) -> Option<Rule> {
    if planned.is_in_order() {
        return Some(Rule::InOrder);
    }
    planned.takes_any_strides().then_some(Rule::AnyStrides)
}

impl<'py> Given<'py> {
    /// An array of float32 of the planned shape that may lie as it does.
    pub(crate) fn new(object: &Bound<'py, PyAny>, planned: &Strided) -> Option<Self> {
        let rule = rule(planned)?;
        let array = Array::of_floats(object, planned.shape())?;
        let span = array.distinct_span();
        (rule == Rule::AnyStrides || array.is_in_order()).then_some(Self { array, rule, span })
    }

    /// All arrays of a descriptor; those that were not planned are not looked at.
    pub(crate) fn three<'s>(
        (data, hidden, cell): Three<'py>,
        planned: DataFields<Option<&'s Strided>>,
    ) -> Option<GivenFields<'py>> {
        let objects = DataFields { data, hidden, cell };
        let given = objects.zip(planned).try_map(|_, (object, planned)| match planned {
            Some(planned) => Self::new(&object, planned).map(Some).ok_or(()),
            None => Ok(None),
        });
        given.ok()
    }

    /// Its addresses; `None` where an element stands for several.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    /// Whether it is known to share no memory with what stands there.
    pub(crate) fn is_apart_from(&self, other: Option<Range<usize>>) -> bool {
        let both = self.span.as_ref().zip(other);
        both.is_some_and(|(own, other)| own.end <= other.start || other.end <= own.start)
    }

    /// Borrow to read, where nobody is writing it.
    pub(crate) fn read(&self) -> PyResult<Option<GivenReading<'_, 'py>>> {
        let reading = match self.rule {
            Rule::InOrder => self.array.read_in_order(),
            Rule::AnyStrides => self.array.read()?,
        };
        Ok(reading.ok().map(|reading| GivenReading(reading, self.rule)))
    }

    /// Borrow to write, where nobody is using it and it may be written.
    pub(crate) fn write(&self) -> PyResult<Option<GivenWriting<'_, 'py>>> {
        let writing = match self.rule {
            Rule::InOrder => self.array.write_in_order(),
            Rule::AnyStrides => self.array.write()?,
        };
        Ok(writing.ok().map(|writing| GivenWriting(writing, self.rule)))
    }
}

/// Whether nothing that is written shares memory with anything else, by the addresses from first to last: two arrays
/// whose elements take turns count as sharing it, and so does an array that stands for an element more than once.
pub(crate) fn are_apart<'g, 'py: 'g>(
    read: impl IntoIterator<Item = &'g GivenFields<'py>>,
    written: &'g GivenFields<'py>,
) -> bool {
    let spans = |fields: &'g GivenFields<'py>| {
        fields.each().into_iter().flatten().map(|given| given.span.as_ref())
    };
    let written: Option<Vec<_>> = spans(written).collect();
    let read: Option<Vec<_>> = read.into_iter().flat_map(spans).collect();
    let (Some(written), Some(read)) = (written, read) else { return false };
    written.iter().enumerate().all(|(index, span)| {
        let mut others = written.iter().skip(index + 1).chain(&read);
        others.all(|other| span.end <= other.start || other.end <= span.start)
    })
}

/// Borrow all to read; `None` where one cannot be.
pub(crate) fn read_all<'a, 'py>(
    given: &'a GivenFields<'py>,
) -> PyResult<Option<DataFields<Option<GivenReading<'a, 'py>>>>> {
    let mut is_there = true;
    let found = given.as_ref().try_map(|_, given| {
        let Some(given) = given else { return Ok(None) };
        let reading = given.read()?;
        is_there &= reading.is_some();
        Ok::<_, PyErr>(reading)
    })?;
    Ok(is_there.then_some(found))
}

/// Borrow all to write; `None` where one cannot be.
pub(crate) fn write_all<'a, 'py>(
    given: &'a GivenFields<'py>,
) -> PyResult<Option<DataFields<Option<GivenWriting<'a, 'py>>>>> {
    let mut is_there = true;
    let found = given.as_ref().try_map(|_, given| {
        let Some(given) = given else { return Ok(None) };
        let writing = given.write()?;
        is_there &= writing.is_some();
        Ok::<_, PyErr>(writing)
    })?;
    Ok(is_there.then_some(found))
}

impl GivenReading<'_, '_> {
    /// The array for the core.
    pub(crate) fn lend(&self) -> Lent<'_> {
        match self.1 {
            Rule::InOrder => self.0.lend(),
            Rule::AnyStrides => Lent::Strided(self.0.view()),
        }
    }
}

impl GivenWriting<'_, '_> {
    /// The array for the core.
    pub(crate) fn lend(&mut self) -> LentMut<'_> {
        match self.1 {
            Rule::InOrder => self.0.lend(),
            Rule::AnyStrides => LentMut::Strided(self.0.view_mut()),
        }
    }
}
